//! The families of metrics, filled over HTTP by a real server.

mod conventions;
mod lists;
mod odd;
mod sessions;
mod traffic;
