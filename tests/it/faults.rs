//! Faults of what the server stands on, while people use it. After each of them nothing that was
//! answered is lost, nobody is logged out, and no code works twice. `docs/faults.md` has the table.

mod clock;
mod disk;
mod postgres;
mod stop;
