//! The store as a whole, driven as the layer drives it.

mod conventions;
mod drive;
mod families;
mod flood;
mod read;
mod sessions;
mod settings;
