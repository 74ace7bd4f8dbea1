//! Errors as they leave, one type per surface: an OAuth error cannot leave through a page, nor a
//! page through the Management API. A 5xx never says more than a request id.

pub mod dbconnections;
pub mod hindrance;
pub mod management;
pub mod oauth;
pub mod page;
pub mod password;
