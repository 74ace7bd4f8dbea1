//! The store: the guards of two databases behind one text, and the guarded updates.

mod families;
mod plans;
mod schema;
mod statements;
