//! What the tests share: a reader of the page, scripted bodies, real servers and clients.

mod body;
mod client;
mod listen;
mod message;
mod page;
#[path = "../../../src/mcp/tests/recording.rs"]
mod recording;
mod server;
mod service;
mod wait;

pub(crate) use self::{
    body::{Broken, Pinned, Probe, Script, Step, data, trailers},
    client::{Client, Raw},
    listen::listen,
    message::{ANSWER, CALL, MESSAGE_LENGTH, call, event, get, json, post, sse},
    page::{Account, Page, store},
    recording::Recording,
    server::{Protocol, Server},
    service::{Act, AnyBody, Boxed, Plan, ReadyOnce, handler},
    wait::{hold_back, panics, until, within},
};
