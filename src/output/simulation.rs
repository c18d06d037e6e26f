//! What came of a simulation.

use std::io::{self, Write};

use serde::Serialize;

use crate::peer::sim::Summary;

/// What is told of a simulation.
#[derive(Debug, Serialize)]
pub struct SimulationSummary<'a> {
    /// What its randomness came from.
    pub seed: u64,
    /// The names of leechers that should have finished.
    pub unfinished: &'a [&'a str],
    /// Nodes and links.
    #[serde(flatten)]
    pub summary: &'a Summary,
}

/// Writes it as tables for people.
///
/// # Errors
/// What `out` answers.
pub fn write_simulation(out: &mut impl Write, summary: &SimulationSummary<'_>) -> io::Result<()> {
    summary.summary.write_table(out)?;
    if !summary.unfinished.is_empty() {
        writeln!(out, "\nnot finished: {}", summary.unfinished.join(", "))?;
    }
    Ok(())
}

/// Writes it as one JSON object.
///
/// # Errors
/// What `out` answers.
pub fn write_simulation_json(
    out: &mut impl Write,
    summary: &SimulationSummary<'_>,
) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, summary)?;
    writeln!(out)
}
