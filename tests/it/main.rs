//! Everything that needs a database or HTTP, in one binary. Each test runs on SQLite and, where
//! server binaries or `TEST_POSTGRES_URL` are at hand, on Postgres; `REQUIRE_POSTGRES=1` makes
//! their absence a failure.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod actions;
mod attack_protection;
mod attacks;
mod cli;
mod console;
mod faults;
mod floods;
mod fuzz;
mod hostile_scripts;
mod keys;
mod layering;
mod mail;
mod management;
mod oauth;
mod proofs;
mod scripts;
mod store;
mod supply_chain;
mod support;
mod tls;
mod upgrades;
