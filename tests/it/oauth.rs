//! The OAuth 2.0 and OpenID Connect endpoints, over real HTTP.

mod audit;
mod authorize;
mod azure;
mod client_credentials;
mod code_flow;
mod consent;
mod discovery;
mod introspect;
mod login_page;
mod logout;
mod main_job;
mod mrrt_vectors;
mod password_grant;
mod refresh;
mod refresh_settings;
mod responses;
mod revoke;
mod token_endpoint;
mod userinfo;
mod walkthrough;
