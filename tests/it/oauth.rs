//! The OAuth 2.0 and OpenID Connect endpoints, over real HTTP.

mod audit;
mod authorize;
mod azure;
mod client_assertion;
mod client_credentials;
mod code_flow;
mod consent;
mod discovery;
mod dpop;
mod dpop_resources;
mod introspect;
mod login_page;
mod logout;
mod main_job;
mod mrrt_vectors;
mod par;
mod password_grant;
mod refresh;
mod refresh_settings;
mod responses;
mod revoke;
mod signing;
mod token_endpoint;
mod userinfo;
mod walkthrough;
