//! The registry of fields.

use std::io::{self, Write};

use ppspp_dissector::fields::{FIELDS, Kind};
use serde_json::json;

use super::style::Style;

/// Writes the registry for people: name, kind, section, sentence.
///
/// # Errors
/// What `out` answers.
pub fn write_fields(out: &mut impl Write, style: Style) -> io::Result<()> {
    let width = FIELDS.iter().map(|field| field.name.len()).max();
    let width = width.unwrap_or(0);
    for field in FIELDS {
        let section = if field.section.is_empty() {
            "–"
        } else {
            field.section
        };
        writeln!(
            out,
            "{} {:<18} {section:<7} {}",
            style.name(format_args!("{:<width$}", field.name)),
            field.kind,
            field.text
        )?;
    }
    Ok(())
}

/// Writes the registry as one JSON array.
///
/// # Errors
/// What `out` answers.
pub fn write_fields_json(out: &mut impl Write) -> io::Result<()> {
    let fields: Vec<_> = FIELDS
        .iter()
        .map(|field| {
            let mut object = json!({
                "name": field.name,
                "kind": field.kind.name(),
                "level": field.level.name(),
                "section": field.section,
                "json": field.json,
                "text": field.text,
            });
            if let Kind::Word(words) = field.kind {
                let all = words.all();
                let words: Vec<&str> = all.iter().map(|(_, word)| *word).collect();
                object["words"] = json!(words);
            }
            object
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &fields)?;
    writeln!(out)
}
