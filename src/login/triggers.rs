//! Where the operator's scripts take part in the flows: what they are told, in which order they run,
//! and what becomes of what they ask for.

pub mod cache;
pub mod changes;
pub mod credentials_exchange;
pub mod password_change;
mod pipeline;
pub mod post_login;
pub mod registration;
