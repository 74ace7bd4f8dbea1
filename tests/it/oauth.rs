//! The OAuth 2.0 and OpenID Connect endpoints, over real HTTP.

mod audit;
mod authorize;
mod backchannel_logout;
mod client_credentials;
mod code_flow;
mod consent;
mod cors;
mod discovery;
mod introspect;
mod login_page;
mod logout;
mod main_job;
mod mrrt_vectors;
mod oidc_logout;
mod password_grant;
mod refresh;
mod refresh_settings;
mod revoke;
mod sessions;
mod token_endpoint;
mod userinfo;
mod walkthrough;
