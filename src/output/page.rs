//! What the HTML pages share: the frame of a page, which needs nothing from
//! elsewhere and no script, and how verdicts and sections of the RFC look on it.

use std::io::{self, Write};

use super::markup::Escaped;
use crate::probe::Verdict;

/// How the pages look, light or dark as the reader has it.
const LOOK: &str = include_str!("page.css");

/// Writes the beginning of a page.
///
/// # Errors
/// What `out` answers.
pub(super) fn begin(out: &mut impl Write, title: impl std::fmt::Display) -> io::Result<()> {
    write!(
        out,
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="generator" content="ppsp-inspect {}">
<title>{}</title>
<style>
{LOOK}</style>
</head>
<body>
"#,
        env!("CARGO_PKG_VERSION"),
        Escaped(title)
    )
}

/// Writes its end.
///
/// # Errors
/// What `out` answers.
pub(super) fn end(out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "</body>\n</html>")
}

/// A verdict as a sign and a word: its colour says nothing more.
pub(super) fn verdict(verdict: Verdict) -> String {
    let name = verdict.name();
    format!(
        r#"<span class="verdict {name}">{} {name}</span>"#,
        sign(verdict)
    )
}

/// A verdict as one sign, each of another shape.
pub(super) const fn sign(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "✓",
        Verdict::Fail => "✗",
        Verdict::Warn => "!",
        Verdict::Skip => "–",
        Verdict::Inconclusive => "?",
        Verdict::Error => "⚠",
    }
}

/// A section of the RFC, with a link to its text.
pub(super) fn section(section: &str) -> String {
    let section = Escaped(section);
    format!(r#"<a href="https://www.rfc-editor.org/rfc/rfc7574#section-{section}">{section}</a>"#)
}

/// An id as an anchor in the page.
pub(super) fn anchor(id: &str) -> String {
    id.replace('/', "-")
}
