//! Doorward: an OAuth 2.0 / OpenID Connect authorization server whose refresh tokens serve many
//! APIs.
//!
//! Each room may use only the rooms named beside it; `tests/it/layering.rs` fails the build
//! otherwise.
//!
//! | room          | holds                                                   | may use               |
//! |---------------|---------------------------------------------------------|-----------------------|
//! | [`domain`]    | ids, scopes, secrets, clients, grants: plain values     | nothing               |
//! | [`policy`]    | decisions: plain data in, a verdict out                 | `domain`              |
//! | [`telemetry`] | logs and the audit stream                               | `domain`              |
//! | [`store`]     | SQL for SQLite and Postgres, transactions, migrations   | `domain`              |
//! | [`crypto`]    | signing, sealing, refresh-token derivation, passwords   | `domain`              |
//! | [`mail`]      | messages to people: SMTP, or an outbox of files         | `domain`              |
//! | [`outbound`]  | calls to addresses that applications name               | `domain`              |
//! | [`actions`]   | the JavaScript engine: compile, confine, run            | `domain`, `crypto`, `outbound` |
//! | [`login`]     | the interactive side: sessions, passwords, consent      | all above             |
//! | [`token`]     | one file per grant: load, decide, write, mint           | all above             |
//! | [`http`]      | routes, extractors, bodies, pages                       | all above             |
//! | [`config`], [`app`], [`cli`] | wiring                                   | everything            |
//!
//! A grant always runs in that order: **load, decide, write, mint, answer**. Nothing is consumed
//! before every check that could refuse the request has passed, and nothing leaves the server
//! before the write is durable.

pub mod actions;
pub mod app;
pub mod cli;
pub mod config;
pub mod crypto;
pub mod domain;
pub mod http;
pub mod login;
pub mod mail;
pub mod outbound;
pub mod policy;
pub mod store;
pub mod telemetry;
pub mod token;
