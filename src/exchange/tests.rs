//! The engine as a whole: what its observers are told of exchanges, message by message.

mod batches;
mod mirrors;
mod readers;
mod recordings;
mod server;
mod sessions;
mod witness;
