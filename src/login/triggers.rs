//! Where the scripts of operators run: one file per trigger.

pub mod cache;
