//! The requirements of the RFC and what covers them.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

use super::style::Style;
use crate::requirements::{Counts, PeerTest, Requirement};

/// Writes requirements for people: word, id and sentence, below it what covers
/// it, or why nothing does; at the end how many are covered by what.
///
/// # Errors
/// What `out` answers.
pub fn write_requirements(
    out: &mut impl Write,
    rows: &[&Requirement],
    style: Style,
) -> io::Result<()> {
    for row in rows {
        let coverage = &row.coverage;
        writeln!(out, "{:<11} {}", row.keyword.name(), style.name(row.id))?;
        writeln!(out, "            {}", row.text)?;
        for finding in coverage.findings {
            writeln!(out, "            finding  {}", finding.entry().name)?;
        }
        for case in coverage.cases {
            writeln!(out, "            case     {case}")?;
        }
        for PeerTest(file, name) in coverage.tests {
            writeln!(out, "            test     {file}: {name}")?;
        }
        if let Some(uncovered) = coverage.uncovered {
            let (name, reason) = (uncovered.name(), uncovered.reason());
            writeln!(out, "            {name}: {reason}")?;
        }
        writeln!(out)?;
    }
    let levels = Counts::by_level(rows);
    write!(out, "{:<7}", "level")?;
    for (column, _) in Counts::default().columns() {
        write!(out, "  {column}")?;
    }
    writeln!(out)?;
    for (level, counts) in levels {
        write!(out, "{level:<7}")?;
        for (column, count) in counts.columns() {
            write!(out, "  {count:>width$}", width = column.len())?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes requirements as one JSON object: `requirements` and `summary`.
///
/// # Errors
/// What `out` answers.
pub fn write_requirements_json(out: &mut impl Write, rows: &[&Requirement]) -> io::Result<()> {
    let requirements: Vec<Value> = rows.iter().map(|row| requirement(row)).collect();
    let summary: Map<String, Value> = Counts::by_level(rows)
        .into_iter()
        .map(|(level, counts)| {
            let columns = counts.columns();
            let columns = columns.map(|(name, count)| (name.replace(' ', "_"), json!(count)));
            (level.name().to_owned(), columns.into_iter().collect())
        })
        .collect();
    let all = json!({ "requirements": requirements, "summary": summary });
    serde_json::to_writer_pretty(&mut *out, &all)?;
    writeln!(out)
}

fn requirement(row: &Requirement) -> Value {
    let coverage = &row.coverage;
    let findings = coverage.findings.iter().map(|id| id.entry().name);
    let tests = coverage.tests.iter();
    let tests = tests.map(|PeerTest(file, name)| json!({ "file": file, "name": name }));
    let uncovered = coverage
        .uncovered
        .map(|it| json!({ "kind": it.name(), "reason": it.reason() }));
    json!({
        "id": row.id,
        "section": row.section(),
        "level": row.level().name(),
        "keyword": row.keyword.name(),
        "text": row.text,
        "findings": findings.collect::<Vec<_>>(),
        "cases": coverage.cases,
        "tests": tests.collect::<Vec<_>>(),
        "uncovered": uncovered,
    })
}
