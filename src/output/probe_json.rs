//! What came of a probe, for programs: JSON, and the XML of `JUnit`.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::format::Hex;
use super::markup::Escaped;
use super::probe::{ProbeSummary, frames};
use crate::probe::{Case, CaseReport, Verdict};

/// Writes a probe as one JSON object.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_json(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, &probe_object(summary))?;
    writeln!(out)
}

/// A probe as a JSON object.
pub(super) fn probe_object(summary: &ProbeSummary<'_>) -> Value {
    let report = summary.report;
    let firsts = report.first_frames();
    let cases: Vec<Value> = report
        .cases
        .iter()
        .zip(firsts)
        .map(|(case, first)| case_json(case, first, summary))
        .collect();
    let mut counts = Map::new();
    counts.insert("cases".to_owned(), report.cases.len().into());
    for verdict in Verdict::ALL {
        counts.insert(verdict.name().to_owned(), report.count(verdict).into());
    }
    counts.insert("conforms".to_owned(), summary.conforms().into());
    let known = &report.known;
    json!({
        "target": summary.target,
        "swarm": Hex(&summary.swarm.id).to_string(),
        "role": summary.role.name(),
        "dialect": known.manner.describe(),
        "options_left_out": known.manner.left_out,
        "chunks": known.size,
        "capture": summary.capture,
        "cases": cases,
        "summary": counts,
    })
}

fn case_json(case: &CaseReport, first: usize, summary: &ProbeSummary<'_>) -> Value {
    let mut object = describe(case.case);
    let mut add = |name: &str, value: Value| {
        object.insert(name.to_owned(), value);
    };
    add("verdict", case.verdict.name().into());
    add("detail", case.detail.as_str().into());
    if let Some(violation) = &case.violation {
        add("expected", violation.expected.as_str().into());
        add("actual", violation.actual.as_str().into());
        add("again", summary.again(case.case).into());
    }
    if let Some(why) = summary.expectations.why(case.case.id) {
        add("known", why.into());
    }
    add("frames", frames(case, first).into());
    add("seconds", case.took.as_secs_f64().into());
    Value::Object(object)
}

/// What a case is.
fn describe(case: &Case) -> Map<String, Value> {
    let mut object = Map::new();
    for (name, text) in [
        ("id", case.id),
        ("section", case.section()),
        ("level", case.level.name()),
        ("title", case.title),
        ("requirement", case.requirement),
    ] {
        object.insert(name.to_owned(), text.into());
    }
    object
}

/// Writes cases as a JSON array.
///
/// # Errors
/// What `out` answers.
pub fn write_cases_json(out: &mut impl Write, cases: &[&Case]) -> io::Result<()> {
    let all: Vec<Value> = cases
        .iter()
        .map(|case| {
            let mut object = describe(case);
            let awaits: Vec<String> = case.awaits.iter().map(ToString::to_string).collect();
            let roles: Vec<&str> = case.roles.iter().map(|role| role.name()).collect();
            object.insert("roles".to_owned(), roles.into());
            object.insert("awaits".to_owned(), awaits.into());
            object.insert(
                "seconds_at_most".to_owned(),
                case.limit.as_secs_f64().into(),
            );
            object.insert("slow".to_owned(), case.is_slow.into());
            object.insert("erratum".to_owned(), case.erratum.into());
            Value::Object(object)
        })
        .collect();
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}

/// Writes a probe as `JUnit` does, for continuous integration.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_junit(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    let report = summary.report;
    let is_failure =
        |case: &&CaseReport| case.verdict != Verdict::Error && !summary.expectations.is_fine(case);
    let failures = report.cases.iter().filter(is_failure).count();
    let seconds: f64 = report.cases.iter().map(|it| it.took.as_secs_f64()).sum();
    writeln!(out, r#"<?xml version="1.0" encoding="UTF-8"?>"#)?;
    writeln!(
        out,
        r#"<testsuites><testsuite name="{}" tests="{}" failures="{failures}" errors="{}" skipped="{}" time="{seconds:.3}">"#,
        Escaped(summary.target),
        report.cases.len(),
        report.count(Verdict::Error),
        report.count(Verdict::Skip) + report.count(Verdict::Inconclusive),
    )?;
    for case in &report.cases {
        let (section, slug) = case.case.id.rsplit_once('/').unwrap_or(("", case.case.id));
        write!(
            out,
            r#"<testcase classname="{}" name="{}" time="{:.3}">"#,
            Escaped(section),
            Escaped(slug),
            case.took.as_secs_f64()
        )?;
        let detail = Escaped(&case.detail);
        match case.verdict {
            Verdict::Error => write!(out, r#"<error message="{detail}"/>"#)?,
            Verdict::Skip | Verdict::Inconclusive => {
                write!(out, r#"<skipped message="{detail}"/>"#)?;
            }
            _ if is_failure(&case) => {
                let (expected, actual) = case.violation.as_ref().map_or_else(
                    || ("a failure that is known".to_owned(), "a pass".to_owned()),
                    |it| (it.expected.clone(), it.actual.clone()),
                );
                write!(
                    out,
                    "<failure message=\"{}\">required: {}\nexpected: {}\nactual: {}\nagain: {}</failure>",
                    Escaped(case.case.title),
                    Escaped(case.case.requirement),
                    Escaped(&expected),
                    Escaped(&actual),
                    Escaped(summary.again(case.case))
                )?;
            }
            Verdict::Warn => write!(out, "<system-out>warning: {detail}</system-out>")?,
            _ => {}
        }
        writeln!(out, "</testcase>")?;
    }
    writeln!(out, "</testsuite></testsuites>")
}
