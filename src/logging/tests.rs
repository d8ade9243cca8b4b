//! What the layers make of events, by the lines that they write.

mod capture;
mod events;
mod ids;
mod log_context;
