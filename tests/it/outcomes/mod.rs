//! Each ending has its one outcome, in metric and line, on real servers and in each form of answer.

mod app;
mod batches;
mod broken;
mod calls;
mod clients;
mod demo;
mod ends;
mod grpc;
mod left;
mod mirrored;
mod modes;
mod nobody;
mod streams;
mod table;
mod words;

use self::{
    app::{App, Asked},
    demo::Demo,
    ends::End,
    modes::{Mode, Peer},
};
