//! The first promise: an exchange is the same with our layers as without them.

mod frames;
mod traits;
mod wire;
