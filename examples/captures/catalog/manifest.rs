//! Writes `MANIFEST.md`: what each capture holds and what is to be found in it.

use std::fmt::Write;

use super::script::Script;

/// What stands before the captures of simulations.
pub(crate) const SIMULATED: &str = "\n# Simulated captures\n\n\
     Written by the simulator from the scenarios that are named, as pcapng with raw IP: each\n\
     datagram once, when it is sent, whether it arrives or not. `ppsp-inspect simulate\n\
     SCENARIO -w FILE` makes them with another seed or network.\n";

/// The manifest of these captures, in their order.
pub(crate) fn manifest(scripts: &[Script]) -> String {
    let mut text = String::from(
        "# Sample captures\n\n\
         `make captures` writes all files here, and this one, again byte for byte; a test\n\
         checks that it would. The first ones hold what our own peer never sends, or show a\n\
         rule in as few frames as possible: they were written with the project's own encoder\n\
         from scripts in `examples/captures/catalog`, with fixed times and fixed IDs. Those\n\
         called `simulated-…` are what our peers said to each other on a simulated network.\n\n\
         The scripts' addresses are those set aside for documentation, which count as public\n\
         here. Their files are classic pcap with Ethernet frames and start at\n\
         2026-11-22T04:34:01Z.\n",
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
