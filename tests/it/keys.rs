//! Keys that give way to others while people log in and applications verify.

mod master_key;
mod signing_under_load;
