//! The engine of Actions and Rules against the real worker.

mod running;
