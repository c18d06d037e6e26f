//! What came of a probe as one page, which needs nothing but itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use ppspp_dissector::session::Time;
use ppspp_dissector::wire::{DiscardWindow, OptionCode};

use super::format::{Calendar, Hex};
use super::hex::write_hex;
use super::markup::Escaped;
use super::page;
use super::probe::{Kind, ProbeSummary, frames};
use super::probe_frames::{Shown, decisive, shown};
use crate::probe::{CaseReport, Declared, Role, Verdict};

/// Bytes of a datagram that are shown.
const DUMPED: usize = 1024;

/// Writes the page: what came of it and of whom, the failures with all that is
/// known of them, all cases by section.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_html(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    page::begin(
        out,
        format_args!("{} as {}: probe", summary.target, summary.role.name()),
    )?;
    let datagrams = decisive(summary);
    write_head(out, summary)?;
    write_target(out, summary)?;
    let numbered = || {
        summary
            .report
            .cases
            .iter()
            .zip(summary.report.first_frames())
    };
    let rest = |kind| numbered().filter(move |(case, _)| summary.kind_of(case) == Some(kind));
    for (kind, title, id) in [
        (Kind::Failure, "Failures", "failures"),
        (Kind::Warning, "Warnings", "warnings"),
        (Kind::Known, "Known failures", "known"),
    ] {
        let count = rest(kind).count();
        if count == 0 {
            continue;
        }
        writeln!(out, r#"<section id="{id}"><h2>{title} ({count})</h2>"#)?;
        for (case, first) in rest(kind) {
            let id = page::anchor(case.case.id);
            write_case(out, summary, case, first, &datagrams, &id)?;
        }
        writeln!(out, "</section>")?;
    }
    write_all(out, summary)?;
    page::end(out)
}

fn write_head(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    let report = summary.report;
    writeln!(
        out,
        "<header><h1>{} as {}</h1>",
        Escaped(summary.target),
        summary.role.name()
    )?;
    let verdict = if summary.conforms() {
        r#"<span class="verdict pass">✓ conforms</span> to RFC 7574 as far as these cases tell"#
    } else {
        r#"<span class="verdict fail">✗ does not conform</span> to RFC 7574"#
    };
    let took: f64 = report.cases.iter().map(|it| it.took.as_secs_f64()).sum();
    write!(
        out,
        "<p>{verdict}: {} cases, {took:.1} s",
        report.cases.len()
    )?;
    if let Some(time) = began(summary) {
        write!(out, ", begun at <time>{}</time>", Escaped(time))?;
    }
    writeln!(out, ".</p></header>")?;
    writeln!(
        out,
        r#"<table class="facts"><thead><tr><th scope="col">verdict</th><th scope="col">cases</th><th scope="col">what it means</th></tr></thead><tbody>"#
    )?;
    for verdict in Verdict::ALL {
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td></tr>",
            page::verdict(verdict),
            report.count(verdict),
            meaning(verdict)
        )?;
    }
    writeln!(out, "</tbody></table>")?;
    writeln!(
        out,
        "<p>Run again by<br><code>{}</code></p>",
        Escaped(summary.command)
    )
}

const fn meaning(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "the requirement is met",
        Verdict::Fail => "it is not",
        Verdict::Warn => "a SHOULD is not met",
        Verdict::Skip => "the case says nothing about this target",
        Verdict::Inconclusive => "the case could not be brought to its end",
        Verdict::Error => "the prober could not do its part",
    }
}

/// When the first datagram was sent.
fn began(summary: &ProbeSummary<'_>) -> Option<String> {
    let first = summary.report.record.first()?;
    let nanoseconds = first.at.microseconds().checked_mul(1_000)?;
    let time = Time::from_nanoseconds(i64::try_from(nanoseconds).ok()?);
    let text = Calendar::default().rfc3339(time).to_owned();
    let seconds = text
        .split_once('.')
        .map(|(seconds, _)| format!("{seconds}Z"));
    Some(seconds.unwrap_or(text))
}

/// What is known of the target: the swarm, what it declares, how it departs from
/// the RFC's HANDSHAKE.
fn write_target(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    let (known, swarm) = (&summary.report.known, summary.swarm);
    writeln!(out, r#"<section id="target"><h2>The target</h2>"#)?;
    writeln!(out, r#"<table class="facts"><tbody>"#)?;
    let mut row = |name: &str, value: &dyn std::fmt::Display| {
        writeln!(
            out,
            r#"<tr><th scope="row">{name}</th><td>{}</td></tr>"#,
            Escaped(value)
        )
    };
    row("swarm ID", &Hex(&swarm.id))?;
    row("takes", &known.manner.describe())?;
    match known.size {
        Some(size) => row("content", &format_args!("{size} chunks"))?,
        None => row("content", &"of unknown size")?,
    }
    let serves = match (known.serves, known.protects) {
        (false, _) => "nothing that it was asked for",
        (true, false) => "chunks, without hashes",
        (true, true) => "chunks and the hashes that prove them",
    };
    // Who comes to us to fetch serves nothing yet.
    if Role::SOURCES.contains(&summary.role) {
        row("serves", &serves)?;
    }
    let milliseconds = known.round_trip.as_secs_f64() * 1000.0;
    row("answers within", &format_args!("{milliseconds:.1} ms"))?;
    if let Some(capture) = summary.capture {
        row("all datagrams", &capture.display())?;
    }
    writeln!(out, "</tbody></table>")?;
    if !known.manner.left_out.is_empty() {
        writeln!(
            out,
            "<h3>Departures from the RFC's HANDSHAKE</h3><p>It answers no HANDSHAKE that has these options, or only in other company; the other cases leave them out.</p><ul>"
        )?;
        for code in &known.manner.left_out {
            let option = OptionCode::from_code(*code);
            let section = option_section(*code);
            writeln!(
                out,
                "<li>{option} (option {code}, section {})</li>",
                page::section(&section)
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    if known.manner.is_legacy {
        writeln!(
            out,
            "<h3>Departures from the RFC's HANDSHAKE</h3><p>It answers the legacy protocol of swift only, which has no options.</p>"
        )?;
    }
    if let Some(dialect) = known.manner.foreign {
        writeln!(
            out,
            "<h3>Options that the RFC does not know</h3><p>Who knows the RFC only can't read its HANDSHAKEs: nobody can tell how long an unknown option is.</p><ul>"
        )?;
        for option in dialect.foreign_options {
            writeln!(
                out,
                "<li>{} (option {}) of the dialect {}</li>",
                option.name, option.code, dialect.name
            )?;
        }
        writeln!(out, "</ul>")?;
    }
    write_declared(out, &known.declared)?;
    writeln!(out, "</section>")
}

/// The section that an option has in the RFC.
fn option_section(code: u8) -> String {
    match code {
        0..=9 => format!("7.{}", code + 2),
        255 => "7.1".to_owned(),
        _ => "7".to_owned(),
    }
}

fn write_declared(out: &mut impl Write, declared: &Declared) -> io::Result<()> {
    if declared.codes.is_empty() {
        return writeln!(out, "<p>Its HANDSHAKE declares no options.</p>");
    }
    writeln!(
        out,
        r#"<h3>What its HANDSHAKE declares</h3><table class="facts"><thead><tr><th scope="col">option</th><th scope="col">name</th><th scope="col">value</th><th scope="col">section</th></tr></thead><tbody>"#
    )?;
    for code in &declared.codes {
        writeln!(
            out,
            "<tr><td>{code}</td><td>{}</td><td>{}</td><td>{}</td></tr>",
            Escaped(OptionCode::from_code(*code)),
            Escaped(declared_value(declared, *code)),
            page::section(&option_section(*code))
        )?;
    }
    let end = if declared.has_end { "there" } else { "missing" };
    writeln!(
        out,
        "<tr><td>255</td><td>end</td><td>{end}</td><td>{}</td></tr></tbody></table>",
        page::section("7.1")
    )
}

/// What an option of a HANDSHAKE says, for people.
fn declared_value(declared: &Declared, code: u8) -> String {
    fn text<T: ToString>(value: Option<&T>) -> String {
        value.map(T::to_string).unwrap_or_default()
    }
    match OptionCode::from_code(code) {
        OptionCode::Version => text(declared.version.as_ref()),
        OptionCode::MinimumVersion => text(declared.minimum_version.as_ref()),
        OptionCode::SwarmId => declared
            .swarm_id
            .as_deref()
            .map(|id| Hex(id).to_string())
            .unwrap_or_default(),
        OptionCode::ContentIntegrity => text(declared.integrity.as_ref()),
        OptionCode::HashFunction => text(declared.hash_function.as_ref()),
        OptionCode::ChunkAddressing => text(declared.addressing.as_ref()),
        OptionCode::SupportedMessages => declared
            .messages
            .as_deref()
            .map(|bitmap| Hex(bitmap).to_string())
            .unwrap_or_default(),
        OptionCode::ChunkSize => text(declared.chunk_size.as_ref()),
        OptionCode::SignatureAlgorithm => text(declared.signature_algorithm.as_ref()),
        OptionCode::LiveDiscardWindow => text(declared.window.map(DiscardWindow::value).as_ref()),
        _ => String::new(),
    }
}

/// Writes a case with all that is known of it, under an id in the page.
///
/// # Errors
/// What `out` answers.
pub(super) fn write_case(
    out: &mut impl Write,
    summary: &ProbeSummary<'_>,
    case: &CaseReport,
    first: usize,
    datagrams: &BTreeMap<usize, Shown<'_>>,
    id: &str,
) -> io::Result<()> {
    writeln!(
        out,
        r#"<article class="case {}" id="{id}"><h3>{} {}</h3>"#,
        case.verdict.name(),
        page::verdict(case.verdict),
        Escaped(case.case.title)
    )?;
    writeln!(
        out,
        r#"<p class="faint"><code>{}</code>, {}, section {}</p><dl>"#,
        Escaped(case.case.id),
        case.case.level,
        page::section(case.case.section())
    )?;
    let mut entry = |name: &str, value: &dyn std::fmt::Display| {
        writeln!(out, "<dt>{name}</dt><dd>{}</dd>", Escaped(value))
    };
    entry("required", &case.case.requirement)?;
    match &case.violation {
        Some(violation) => {
            entry("expected", &violation.expected)?;
            entry("actual", &violation.actual)?;
        }
        None if case.verdict == Verdict::Pass => entry("actual", &"it passes all the same")?,
        None => entry("why", &case.detail)?,
    }
    if let Some(why) = summary.expectations.why(case.case.id) {
        entry("known", &why)?;
    }
    let numbers = frames(case, first);
    if !numbers.is_empty() {
        let (numbers, more) = shown(&numbers);
        writeln!(out, "<dt>frames</dt><dd>")?;
        for number in numbers {
            if let Some(shown) = datagrams.get(number) {
                write_datagram(out, *number, shown)?;
            }
        }
        if more > 0 {
            writeln!(out, "<p>and {more} more</p>")?;
        }
        writeln!(out, "</dd>")?;
    }
    writeln!(
        out,
        "<dt>again</dt><dd><code>{}</code></dd></dl></article>",
        Escaped(summary.again(case.case))
    )
}

fn write_datagram(out: &mut impl Write, number: usize, shown: &Shown<'_>) -> io::Result<()> {
    let frame = shown.frame;
    writeln!(
        out,
        "<details><summary>{number}: {} → {}, {} bytes: {}</summary>",
        frame.source,
        frame.destination,
        frame.bytes.len(),
        Escaped(&shown.messages)
    )?;
    for note in &frame.notes {
        writeln!(out, "<p>{}</p>", Escaped(note))?;
    }
    let dumped = frame.bytes.get(..DUMPED).unwrap_or(&frame.bytes);
    let mut dump = Vec::new();
    write_hex(&mut dump, dumped)?;
    writeln!(
        out,
        "<pre>{}</pre>",
        Escaped(String::from_utf8_lossy(&dump))
    )?;
    if frame.bytes.len() > dumped.len() {
        let left = frame.bytes.len() - dumped.len();
        writeln!(out, "<p>and {left} more bytes</p>")?;
    }
    writeln!(out, "</details>")
}

/// All cases, by section of the RFC.
fn write_all(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    let mut cases: Vec<&CaseReport> = summary.report.cases.iter().collect();
    cases.sort_by_key(|case| section_order(case.case.section()));
    let sections: BTreeSet<_> = cases
        .iter()
        .map(|case| section_order(case.case.section()))
        .collect();
    writeln!(
        out,
        r#"<section id="cases"><h2>All cases, in {} sections</h2><div class="scroll"><table><thead><tr><th scope="col">section</th><th scope="col">case</th><th scope="col">level</th><th scope="col">verdict</th><th scope="col">detail</th></tr></thead><tbody>"#,
        sections.len()
    )?;
    for case in cases {
        let title = Escaped(case.case.title);
        let title = match summary.kind_of(case) {
            Some(_) => format!(r##"<a href="#{}">{title}</a>"##, page::anchor(case.case.id)),
            None => title.to_string(),
        };
        writeln!(
            out,
            "<tr><td>{}</td><td>{title}<br><code class=\"faint\">{}</code></td><td>{}</td><td>{}</td><td>{}</td></tr>",
            page::section(case.case.section()),
            Escaped(case.case.id),
            case.case.level,
            page::verdict(case.verdict),
            Escaped(&case.detail)
        )?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

/// Sections as the RFC has them: 3.10 comes after 3.9.
pub(super) fn section_order(section: &str) -> Vec<u32> {
    section
        .split('.')
        .map(|part| part.parse().unwrap_or(u32::MAX))
        .collect()
}

#[cfg(test)]
#[path = "probe_html_tests.rs"]
mod tests;
