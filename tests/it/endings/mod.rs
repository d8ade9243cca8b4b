//! Every exchange ends once, however it ends, and leaves one true account.

mod duration;
mod panics;
mod polled;
mod shutdown;
mod sockets;
mod table;
