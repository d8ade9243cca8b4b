//! Integration tests: one module for each behaviour, by public API only.
//!
//! A test that shows the absence of a known trap names it in its doc comment (`T7`).
#![allow(clippy::unwrap_used, reason = "what cannot go on in a test has failed it")]

mod support;

mod access_log;
mod endings;
mod endpoint;
mod families;
mod holding;
mod labels;
mod lifecycle;
#[cfg(feature = "logging")]
mod lines;
#[cfg(feature = "logging")]
mod outcomes;
mod placement;
mod readiness;
mod regression;
mod request_id;
mod stacking;
mod store;
mod trace_context;
mod transparency;
mod tutorial;
