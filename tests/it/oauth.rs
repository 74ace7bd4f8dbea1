//! The OAuth 2.0 and OpenID Connect endpoints, over real HTTP.

mod audit;
mod authorize;
mod client_credentials;
mod code_flow;
mod consent;
mod discovery;
mod introspect;
mod locales;
mod login_page;
mod logout;
mod main_job;
mod mrrt_vectors;
mod password_grant;
mod refresh;
mod refresh_settings;
mod reset_password;
mod revoke;
mod signup;
mod token_endpoint;
mod userinfo;
mod walkthrough;
