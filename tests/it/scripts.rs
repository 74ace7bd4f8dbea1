//! The engine of Actions and Rules against the real worker.

mod api;
mod globals;
mod running;
