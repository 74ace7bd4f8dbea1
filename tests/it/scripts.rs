//! The engine of Actions and Rules against the real worker.

mod api;
mod command_line;
pub mod documentation;
mod figures;
mod globals;
mod rules;
mod running;
