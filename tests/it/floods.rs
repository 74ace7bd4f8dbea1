//! Floods: more than anybody needs, slower than anybody is, longer than anything may be. The server
//! bounds what it takes, says so in the words of who asked, and goes on serving the others.

mod authorize;
mod connections;
mod hashes;
mod pool;
mod sizes;
mod streams;
