//! Tool calls as the clients saw them end, and as the metrics say they ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    process::ExitCode,
};

use super::scrape;
use crate::BoxError;

/// Calls by series. Prometheus counts in floats, and so does this.
#[derive(Default)]
pub(crate) struct Ledger(BTreeMap<Series, f64>);

/// One series of `mcp_tool_calls_total`.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Series {
    tool: String,
    status: String,
    error_type: String,
}

impl Ledger {
    pub(crate) fn from_page(page: &str) -> Result<Self, BoxError> {
        let mut ledger = Self::default();
        for sample in scrape::parse(page) {
            let mut sample = sample?;
            if sample.name == "mcp_tool_calls_total" && sample.value != 0.0 {
                let mut label = |name| sample.labels.remove(name).unwrap_or_default();
                let series = Series {
                    tool: label("tool_name"),
                    status: label("status"),
                    error_type: label("error_type"),
                };
                *ledger.0.entry(series).or_default() += sample.value;
            }
        }
        Ok(ledger)
    }

    /// Enters one call; without an `error_type` it succeeded.
    pub(crate) fn enter(&mut self, tool: &str, error_type: &str) {
        let status = match error_type {
            "" => "success",
            "cancelled" => "cancelled",
            _ => "error",
        };
        let [tool, status, error_type] = [tool, status, error_type].map(str::to_owned);
        let series = Series { tool, status, error_type };
        *self.0.entry(series).or_default() += 1.0;
    }

    /// Whether every call in `other` is in here, too.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let mut entries = other.0.iter();
        entries.all(|(series, count)| self.0.get(series).is_some_and(|ours| ours >= count))
    }

    /// Prints the table and the verdict: a series that only one side has is a disagreement.
    pub(crate) fn compare(&self, scraped: &Self) -> ExitCode {
        let row = |[tool, status, error_type, did, says, agree]: [&str; 6]| {
            println!("   {tool:<8} {status:<10} {error_type:<13} {did:>10} {says:>12}  {agree}");
        };
        row(["tool", "status", "error_type", "client did", "scrape says", "agree?"]);
        let every_series: BTreeSet<_> = self.0.keys().chain(scraped.0.keys()).collect();
        let mut differing = Vec::new();
        for &series in &every_series {
            let labels = [&series.tool, &series.status, &series.error_type];
            let [tool, status, error_type] = labels.map(String::as_str);
            let [did, says] =
                [self, scraped].map(|side| side.0.get(series).unwrap_or(&0.0).to_string());
            let agree = if did == says { "yes" } else { "NO" };
            row([tool, status, error_type, &did, &says, agree]);
            if did != says {
                let end = if error_type.is_empty() { status } else { error_type };
                differing.push(format!("{tool} {end}: did {did}, says {says}"));
            }
        }
        if !differing.is_empty() {
            println!("\ncalls and metrics DISAGREE: {}", differing.join("; "));
            return ExitCode::FAILURE;
        }
        let (calls, series) = (self.0.values().sum::<f64>(), every_series.len());
        println!("\ncalls and metrics agree: {calls} calls, {series} series");
        ExitCode::SUCCESS
    }
}
