//! A response body that is one JSON document: any bytes, cut anywhere.
#![no_main]

#[allow(dead_code, unused_imports, reason = "the library needs more of it than a target does")]
#[path = "../../src/mcp/mod.rs"]
mod mcp;

use libfuzzer_sys::fuzz_target;

// The last three bytes tell the lengths of the frames.
fuzz_target!(|input: &[u8]| {
    let Some((body, lengths)) = input.split_last_chunk::<3>() else {
        return;
    };
    mcp::check::response(body, &lengths.map(|length| usize::from(length) % 80));
});
