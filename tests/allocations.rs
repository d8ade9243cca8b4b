//! Each layer allocates, for one request, no more than `benches/budget.txt` says.
//!
//! A process of its own, since it owns the allocator.

#![expect(clippy::print_stdout, reason = "it shows what was counted")]

#[path = "../benches/support/budget.rs"]
mod budget;
#[path = "../benches/support/mod.rs"]
mod support;

use budget::{Bound, Layered};
use support::Case;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

const REQUESTS: usize = 64;

/// T51: at most what the budget says, and nothing that grows from request to request.
#[test]
fn layers_allocate_within_their_budget() {
    let _profiler = dhat::Profiler::builder().testing().build();
    let mut over = Vec::new();
    for bound in Bound::all() {
        let (bare, _) = allocations("bare", &bound.case);
        let (layered, grown) = allocations(&bound.layer, &bound.case);
        let cost = layered - bare;
        println!("{:<14} {:<10} {cost} allocations", bound.layer, bound.case);
        if cost > bound.allocations || grown != 0 {
            over.push(format!("{} {}: {cost}, {grown} bytes kept", bound.layer, bound.case));
        }
    }
    assert!(over.is_empty(), "over their budget: {over:?}");
}

/// Allocations of one request, and bytes that `REQUESTS` of them leave behind.
///
/// What is done once in a second, whoever's request it falls to, is no cost of a request: a tracer is
/// looked for while there is none. It falls to a few of them at most.
fn allocations(layer: &str, case: &str) -> (u64, usize) {
    let case = Case::ALL.into_iter().find(|known| known.name == case).expect("a known case");
    let requests = case.requests();
    let mut layered = Layered::new(layer, &case);
    // The first requests make the series and fill the thread's own caches.
    for _ in 0..4 {
        layered.drive(requests());
    }
    let mut blocks = [0; REQUESTS];
    let before = dhat::HeapStats::get();
    for blocks in &mut blocks {
        let before = dhat::HeapStats::get().total_blocks;
        layered.drive(requests());
        *blocks = dhat::HeapStats::get().total_blocks - before;
    }
    let kept = dhat::HeapStats::get().curr_bytes.saturating_sub(before.curr_bytes);
    blocks.sort_unstable();
    let usual = blocks[REQUESTS / 2];
    let others = blocks.iter().filter(|&&blocks| blocks != usual).count();
    assert!(others <= REQUESTS / 16, "each request allocates the same, not {blocks:?}");
    (usual, kept)
}
