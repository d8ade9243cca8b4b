//! Does any layer cost more instructions than its budget says?
//!
//! Runs each case of `benches/budget.txt` under callgrind, in a process of its own, once with many
//! requests and once with few, and divides the difference: what is left is one request. The bare
//! service is subtracted. Instruction counts repeat, whatever else the machine does.
//!
//! `cargo bench --bench budget` compares with the file and fails if a bound is broken. It needs
//! valgrind. `tests/allocations.rs` checks the other column.

#![expect(clippy::print_stdout, reason = "it reports to who runs it")]

#[path = "support/budget.rs"]
mod budget;
mod support;

use std::{
    env,
    error::Error,
    process::{Command, ExitCode},
};

use budget::{Bound, Layered};
use support::Case;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let arguments: Vec<String> = env::args().collect();
    if let [_, layer, case, count] = &arguments[..] {
        run(layer, case, count.parse()?);
        return Ok(ExitCode::SUCCESS);
    }
    // Cargo's own flags (`--bench`, `--test`) need no answer.
    let mut broken = 0;
    println!("{:<14} {:<10} {:>12} {:>12}", "layer", "case", "instructions", "bound");
    for bound in Bound::all() {
        let cost = instructions(&bound.layer, &bound.case)?
            .saturating_sub(instructions("bare", &bound.case)?);
        let verdict = if cost <= bound.instructions { "" } else { "  over its bound" };
        println!(
            "{:<14} {:<10} {cost:>12} {:>12}{verdict}",
            bound.layer, bound.case, bound.instructions
        );
        broken += u32::from(!verdict.is_empty());
    }
    if broken > 0 {
        println!("{broken} bounds are broken");
        return Ok(ExitCode::FAILURE);
    }
    println!("all bounds hold");
    Ok(ExitCode::SUCCESS)
}

/// What the process under callgrind does.
fn run(layer: &str, case: &str, count: usize) {
    let case = Case::ALL.into_iter().find(|known| known.name == case).expect("a known case");
    let requests = case.requests();
    let mut layered = Layered::new(layer, &case);
    for _ in 0..count {
        layered.drive(requests());
    }
}

const FEW: u64 = 100;
const MANY: u64 = 300;

/// Instructions of one request, set-up excluded.
fn instructions(layer: &str, case: &str) -> Result<u64, Box<dyn Error>> {
    Ok((collected(layer, case, MANY)? - collected(layer, case, FEW)?) / (MANY - FEW))
}

/// Instructions of a whole process that drives `count` requests.
fn collected(layer: &str, case: &str, count: u64) -> Result<u64, Box<dyn Error>> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(env::current_exe()?)
        .args([layer, case, &count.to_string()])
        .output()
        .map_err(|error| format!("valgrind does not start: {error}"))?;
    let text = String::from_utf8_lossy(&output.stderr);
    let line = text.lines().find_map(|line| line.split_once("Collected : "));
    let Some((_, count)) = line.filter(|_| output.status.success()) else {
        return Err(format!("callgrind failed:\n{text}").into());
    };
    Ok(count.trim().parse()?)
}
