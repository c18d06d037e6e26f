//! What `peer keygen` and `peer id` tell about a key: nothing that is secret.

use std::io::{self, Write};

use serde_json::json;

use super::style::Style;
use crate::peer::keys::SigningKey;

/// The key of a live stream, and where it is.
#[derive(Clone, Copy, Debug)]
pub struct KeySummary<'a> {
    /// The key.
    pub key: &'a SigningKey,
    /// Its file.
    pub file: &'a str,
}

/// Writes the summary for people.
///
/// # Errors
/// What `out` answers.
pub fn write_key(out: &mut impl Write, summary: &KeySummary<'_>, style: Style) -> io::Result<()> {
    let KeySummary { key, file } = summary;
    writeln!(out, "Swarm ID   {}", style.swarm(digits(&key.swarm_id())))?;
    writeln!(out, "Algorithm  {}, {} bits", key.algorithm(), key.bits())?;
    writeln!(out, "Signature  {} bytes", key.signature_length())?;
    writeln!(out, "File       {file}")
}

/// Writes the summary as one JSON object.
///
/// # Errors
/// What `out` answers.
pub fn write_key_json(out: &mut impl Write, summary: &KeySummary<'_>) -> io::Result<()> {
    let KeySummary { key, file } = summary;
    let object = json!({
        "swarm_id": digits(&key.swarm_id()),
        "algorithm": key.algorithm().to_string(),
        "bits": key.bits(),
        "signature_length": key.signature_length(),
        "weakness": key.weakness(),
        "file": file,
    });
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}

fn digits(bytes: &[u8]) -> String {
    let halves = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    halves
        .filter_map(|half| char::from_digit(half.into(), 16))
        .collect()
}
