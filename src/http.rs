//! Routes, extractors and bodies. A handler reads the wire, calls once and writes the wire: no SQL,
//! no signing, no rule.

pub mod cors;
pub mod demo;
pub mod error;
pub mod extract;
pub mod health;
pub mod management;
pub mod oauth;
pub mod pages;

use std::sync::Arc;

use crate::domain::{entropy::Entropy, settings::Settings, time::Clock};
use crate::login::LoginService;
use crate::store::Store;
use crate::token::TokenService;

/// What handlers work with. Cheap to clone.
#[derive(Clone)]
pub struct App {
    /// Settings of the server.
    pub settings: Arc<Settings>,
    /// The database.
    pub store: Store,
    /// Answers the token endpoint.
    pub tokens: Arc<TokenService>,
    /// Logs people in.
    pub login: Arc<LoginService>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Served at `/demo/`, by `quickstart` only.
    pub demo: Option<Arc<demo::Demo>>,
    /// Set when the server is told to stop: it is then no longer ready.
    pub draining: Arc<std::sync::atomic::AtomicBool>,
}
