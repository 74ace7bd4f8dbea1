//! Actions in the flows: what they decide, and what becomes of it.

mod browser;
mod device;
mod documentation;
mod event;
mod failures;
mod redirect;
mod rules;
mod samples;
mod session;
