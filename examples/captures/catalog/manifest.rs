//! Writes `MANIFEST.md`: what each capture holds and what is to be found in it.

use std::fmt::Write;

use super::script::Script;

/// The manifest of these captures, in their order.
pub(crate) fn manifest(scripts: &[Script]) -> String {
    let mut text = String::from(
        "# Sample captures\n\n\
         Each file here was written with the project's own encoder from a script in\n\
         `examples/captures/catalog`, with fixed times and fixed IDs. `make captures` writes\n\
         them, and this file, again byte for byte; a test checks that it would.\n\n\
         The addresses are those set aside for documentation, which count as public here. All\n\
         files are classic pcap with Ethernet frames and start at 2026-11-22T04:34:01Z.\n",
    );
    for script in scripts {
        // Writing to a string does not fail.
        let _ = describe(script, &mut text);
    }
    text
}

fn describe(script: &Script, text: &mut String) -> std::fmt::Result {
    writeln!(text, "\n## {}\n\n{}\n", script.file, script.about)?;
    let counts: Vec<_> = script
        .counts
        .iter()
        .map(|(name, count)| format!("{name} {count}"))
        .collect();
    writeln!(text, "- Datagrams: {}", script.datagrams())?;
    writeln!(text, "- Messages: {}", counts.join(", "))?;
    writeln!(text, "- Dialect: {}", script.dialect)?;
    for fact in &script.facts {
        writeln!(text, "- {fact}")?;
    }
    if !script.notes.is_empty() {
        writeln!(text, "\n| frame | what is there |\n|---|---|")?;
        for (frame, note) in &script.notes {
            writeln!(text, "| {frame} | {note} |")?;
        }
    }
    Ok(())
}
