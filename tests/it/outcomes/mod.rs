//! Each ending has its one outcome, in metric and line, on real servers and in each form of answer.

mod app;
mod broken;
mod calls;
mod clients;
mod demo;
mod ends;
mod left;
mod modes;
mod table;

use self::{
    app::{App, Asked},
    demo::Demo,
    ends::End,
    modes::{Mode, Peer},
};
