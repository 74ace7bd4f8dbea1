//! The store: the guards of two databases behind one text, and the guarded updates.

mod connections;
mod families;
mod plans;
mod schema;
pub mod statements;
