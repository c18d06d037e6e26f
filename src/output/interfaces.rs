//! The interfaces that can be captured on, and what a live capture counts.

use std::io::{self, Write};

use jiff::Timestamp;
use serde::Serialize;

use crate::capture::live::{Interface, LiveCounters};

/// Writes a line an interface.
///
/// # Errors
/// What `out` answers.
pub fn write_interfaces(out: &mut impl Write, interfaces: &[Interface]) -> io::Result<()> {
    let width = interfaces
        .iter()
        .map(|interface| interface.name.chars().count())
        .max();
    let width = width.unwrap_or_default();
    for interface in interfaces {
        let mut words = vec![if interface.is_up { "up" } else { "down" }];
        if interface.is_up && !interface.is_running {
            words.push("no carrier");
        }
        if interface.is_loopback {
            words.push("loopback");
        }
        if interface.is_wireless {
            words.push("wireless");
        }
        write!(out, "{:width$}  {}", interface.name, words.join(", "))?;
        for address in &interface.addresses {
            write!(out, "  {address}")?;
        }
        if let Some(description) = &interface.description {
            write!(out, "  ({description})")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes a JSON array with an object an interface.
///
/// # Errors
/// What `out` answers.
pub fn write_interfaces_json(out: &mut impl Write, interfaces: &[Interface]) -> io::Result<()> {
    #[derive(Serialize)]
    struct OneInterface<'a> {
        name: &'a str,
        description: Option<&'a str>,
        addresses: Vec<String>,
        up: bool,
        running: bool,
        loopback: bool,
        wireless: bool,
    }
    let all: Vec<_> = interfaces
        .iter()
        .map(|interface| OneInterface {
            name: &interface.name,
            description: interface.description.as_deref(),
            addresses: interface
                .addresses
                .iter()
                .map(ToString::to_string)
                .collect(),
            up: interface.is_up,
            running: interface.is_running,
            loopback: interface.is_loopback,
            wireless: interface.is_wireless,
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}

/// What was seen of a live capture so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LiveFigures {
    /// Packets captured.
    pub captured: u64,
    /// Packets that the system dropped.
    pub dropped: u64,
    /// Packets that interfaces dropped.
    pub interface_dropped: u64,
    /// PPSPP datagrams decoded.
    pub datagrams: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
    /// Chunks that were verified when they came.
    pub verified: u64,
    /// Chunks, hashes and signatures that failed.
    pub failed: u64,
    /// Findings of severity error.
    pub errors: u64,
    /// Findings of severity warning.
    pub warnings: u64,
    /// Findings of severity note.
    pub notes: u64,
}

impl LiveFigures {
    /// With what the capture itself counts.
    #[must_use]
    pub const fn counting(mut self, counters: &LiveCounters) -> Self {
        self.captured = counters.captured;
        self.dropped = counters.dropped;
        self.interface_dropped = counters.interface_dropped;
        self
    }
}

/// Writes a line of figures: rates since the line before, `seconds` ago, and
/// totals.
///
/// # Errors
/// What `out` answers.
pub fn write_live_figures(
    out: &mut impl Write,
    now: Timestamp,
    figures: &LiveFigures,
    before: &LiveFigures,
    seconds: f64,
) -> io::Result<()> {
    let rate = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds.max(1e-9);
    writeln!(
        out,
        "{now:.0}  {:.0} datagrams/s  {:.3} MB/s  {} datagrams  ✓{} ✗{}  \
         {} errors  {} warnings  {} notes  captured {}  dropped {}",
        rate(figures.datagrams, before.datagrams),
        rate(figures.bytes, before.bytes) / 1e6,
        figures.datagrams,
        figures.verified,
        figures.failed,
        figures.errors,
        figures.warnings,
        figures.notes,
        figures.captured,
        figures.dropped + figures.interface_dropped,
    )
}

/// Writes the figures as a JSON object on a line.
///
/// # Errors
/// What `out` answers.
pub fn write_live_figures_json(
    out: &mut impl Write,
    now: Timestamp,
    figures: &LiveFigures,
) -> io::Result<()> {
    #[derive(Serialize)]
    struct Line<'a> {
        time: String,
        #[serde(flatten)]
        figures: &'a LiveFigures,
    }
    let line = Line {
        time: format!("{now:.3}"),
        figures,
    };
    serde_json::to_writer(&mut *out, &line)?;
    writeln!(out)
}

/// Writes what a live capture counted in all.
///
/// # Errors
/// What `out` answers.
pub fn write_live_counters(out: &mut impl Write, counters: &LiveCounters) -> io::Result<()> {
    write!(
        out,
        "{} packets captured, {} dropped by the system, {} by interfaces",
        counters.captured, counters.dropped, counters.interface_dropped
    )?;
    match counters.files {
        0 => {}
        1 => write!(out, "; 1 file")?,
        files => write!(out, "; {files} files")?,
    }
    if counters.undecoded_bytes > 0 {
        write!(out, "; {} bytes not decoded", counters.undecoded_bytes)?;
    }
    writeln!(out)
}
