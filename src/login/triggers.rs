//! Where the operator's scripts take part in the flows: what they are told, in which order they run,
//! and what becomes of what they ask for. One file per trigger.

pub mod cache;
pub mod changes;
pub mod credentials_exchange;
pub mod event;
pub mod executions;
pub mod password_change;
mod pipeline;
pub mod post_login;
pub mod registration;
pub mod request;
pub mod rules;
pub mod run;
pub mod samples;
pub mod suspension;
