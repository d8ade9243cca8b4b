//! The families of metrics, filled over HTTP by a real server.

mod lists;
mod odd;
mod traffic;
