//! The catalogue of findings.

use std::io::{self, Write};

use ppspp_dissector::finding::CATALOGUE;
use serde_json::json;

use super::format::section;
use super::style::Style;

/// Writes the catalogue for people: severity, id, section, sentence.
///
/// # Errors
/// What `out` answers.
pub fn write_catalogue(out: &mut impl Write, style: Style) -> io::Result<()> {
    let width = CATALOGUE
        .iter()
        .map(|entry| entry.name.len())
        .max()
        .unwrap_or(0);
    for entry in CATALOGUE {
        writeln!(
            out,
            "{} {:<width$} {:<7} {}",
            style.severity_column(entry.severity),
            entry.name,
            section(entry),
            entry.text
        )?;
    }
    Ok(())
}

/// Writes the catalogue as one JSON array.
///
/// # Errors
/// What `out` answers.
pub fn write_catalogue_json(out: &mut impl Write) -> io::Result<()> {
    let entries: Vec<_> = CATALOGUE
        .iter()
        .map(|entry| {
            json!({
                "id": entry.name,
                "severity": entry.severity.name(),
                "section": entry.section,
                "text": entry.text,
            })
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &entries)?;
    writeln!(out)
}
