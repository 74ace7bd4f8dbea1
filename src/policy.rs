//! Decisions: plain data in, a verdict out. No I/O, no `async`, no clock, no randomness.

pub mod attention;
pub mod authorize;
pub mod claims;
pub mod client_assertion;
pub mod client_auth;
pub mod connection;
pub mod consent;
pub mod credentials_exchange;
pub mod custom_claims;
pub mod device;
pub mod dpop;
pub mod forwarded_for;
pub mod lifetime;
pub mod login_scope;
pub mod logout;
pub mod management;
pub mod mrrt;
pub mod new_password;
pub mod post_login;
pub mod query_syntax;
pub mod rate;
pub mod registration;
pub mod reuse;
pub mod trial;
pub mod user_search;
