//! The first promise: an exchange is the same with our layers as without them.

mod frames;
mod replay;
mod traits;
mod wire;
