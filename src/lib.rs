//! An OAuth 2.0 / OpenID Connect authorization server.

pub mod crypto;
pub mod domain;
pub mod policy;
pub mod store;
