//! What handlers receive, with rejections in the format of their surface.

pub mod cookies;
pub mod management_json;
pub mod management_token;
pub mod parameters;
