//! Several targets beside each other, as one page and as JSON.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::markup::Escaped;
use super::page;
use super::probe_frames::decisive;
use super::probe_html::{section_order, write_case};
use super::probe_json::probe_object;
use super::probe_matrix::{Cell, MatrixColumn, ProbeMatrix};
use crate::probe::{Case, Verdict};

/// Writes the page: the targets, cases against targets, and what failed, by
/// target.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_matrix_html(out: &mut impl Write, matrix: &ProbeMatrix<'_>) -> io::Result<()> {
    page::begin(out, "Implementations and cases of RFC 7574")?;
    let conforming = matrix.columns.iter().filter(|it| it.conforms()).count();
    writeln!(
        out,
        "<header><h1>Implementations and cases of RFC 7574</h1><p>{} targets, {conforming} of them conform as far as these cases tell.</p></header>",
        matrix.columns.len()
    )?;
    write_targets(out, matrix)?;
    write_table(out, matrix)?;
    for (number, column) in matrix.columns.iter().enumerate() {
        write_details(out, number, column)?;
    }
    page::end(out)
}

fn write_targets(out: &mut impl Write, matrix: &ProbeMatrix<'_>) -> io::Result<()> {
    writeln!(
        out,
        r#"<section><h2>Targets</h2><div class="scroll"><table><thead><tr><th scope="col">name</th><th scope="col">address</th><th scope="col">role</th><th scope="col">takes</th>"#
    )?;
    for verdict in Verdict::ALL {
        writeln!(out, r#"<th scope="col">{}</th>"#, page::verdict(verdict))?;
    }
    writeln!(out, r#"<th scope="col">conforms</th></tr></thead><tbody>"#)?;
    for (number, column) in matrix.columns.iter().enumerate() {
        let name = Escaped(column.name);
        writeln!(
            out,
            r##"<tr><th scope="row"><a href="#target-{number}">{name}</a></th>"##
        )?;
        match column.outcome {
            Ok(summary) => {
                writeln!(
                    out,
                    "<td>{}</td><td>{}</td><td>{}</td>",
                    Escaped(summary.target),
                    summary.role.name(),
                    Escaped(summary.report.known.manner.describe())
                )?;
                for verdict in Verdict::ALL {
                    writeln!(out, "<td>{}</td>", summary.report.count(verdict))?;
                }
                let word = if summary.conforms() { "yes" } else { "no" };
                writeln!(out, "<td>{word}</td></tr>")?;
            }
            Err(reason) => writeln!(
                out,
                r#"<td colspan="{}"><span class="verdict error">⚠ not probed</span>: {}</td></tr>"#,
                Verdict::ALL.len() + 4,
                Escaped(reason)
            )?,
        }
    }
    writeln!(out, "</tbody></table></div></section>")
}

fn write_table(out: &mut impl Write, matrix: &ProbeMatrix<'_>) -> io::Result<()> {
    let cases = matrix.cases();
    if cases.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        r#"<section><h2>Cases against targets</h2><p>“known” is a failure that is expected, “pass?” a pass where one is; a dot stands where the case was not run. Failures lead to what came.</p><div class="scroll"><table class="matrix"><thead><tr><th scope="col">case</th><th scope="col">level</th>"#
    )?;
    for column in &matrix.columns {
        writeln!(
            out,
            r#"<th scope="col" class="target">{}</th>"#,
            Escaped(column.name)
        )?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    let mut section = "";
    for case in cases {
        if case.section() != section {
            section = case.section();
            writeln!(
                out,
                r#"<tr class="section"><th colspan="{}" scope="rowgroup">Section {}</th></tr>"#,
                matrix.columns.len() + 2,
                page::section(section)
            )?;
        }
        writeln!(
            out,
            r#"<tr><th scope="row">{}<br><code class="faint">{}</code></th><td>{}</td>"#,
            Escaped(case.title),
            Escaped(case.id),
            case.level
        )?;
        for (number, column) in matrix.columns.iter().enumerate() {
            writeln!(
                out,
                r#"<td class="cell">{}</td>"#,
                cell(number, column, case)
            )?;
        }
        writeln!(out, "</tr>")?;
    }
    writeln!(out, "</tbody></table></div></section>")
}

/// A cell as a sign and a word.
fn cell(number: usize, column: &MatrixColumn<'_>, case: &Case) -> String {
    let (sign, word, class) = match column.cell(case) {
        Cell::Nothing => return r#"<span class="faint">·</span>"#.to_owned(),
        Cell::Known => ("✗", "known", "skip"),
        Cell::Unexpected => ("✗", "pass?", "fail"),
        Cell::Verdict(verdict) => (page::sign(verdict), verdict.name(), verdict.name()),
    };
    let text = format!(r#"<span class="verdict {class}">{sign} {word}</span>"#);
    let Ok(summary) = column.outcome else {
        return text;
    };
    match column.case(case) {
        Some(report) if summary.kind_of(report).is_some() => {
            format!(r##"<a href="#{}">{text}</a>"##, anchor(number, case))
        }
        Some(report) if !report.detail.is_empty() => {
            format!(r#"<span title="{}">{text}</span>"#, Escaped(&report.detail))
        }
        _ => text,
    }
}

/// Where a case of a target is told of.
fn anchor(number: usize, case: &Case) -> String {
    format!("target-{number}-{}", page::anchor(case.id))
}

/// What failed of a target.
fn write_details(out: &mut impl Write, number: usize, column: &MatrixColumn<'_>) -> io::Result<()> {
    writeln!(
        out,
        r#"<section id="target-{number}"><h2>{}</h2>"#,
        Escaped(column.name)
    )?;
    match column.outcome {
        Err(reason) => writeln!(out, "<p>It could not be probed: {}</p>", Escaped(reason))?,
        Ok(summary) => {
            writeln!(
                out,
                "<p>Run again by<br><code>{}</code></p>",
                Escaped(summary.command)
            )?;
            let datagrams = decisive(&summary);
            let mut noted: Vec<_> = summary
                .report
                .cases
                .iter()
                .zip(summary.report.first_frames())
                .filter_map(|(case, first)| Some((summary.kind_of(case)?, case, first)))
                .collect();
            noted.sort_by_key(|(kind, case, _)| (*kind, section_order(case.case.section())));
            if noted.is_empty() {
                writeln!(out, "<p>Nothing failed.</p>")?;
            }
            for (_, case, first) in noted {
                let id = anchor(number, case.case);
                write_case(out, &summary, case, first, &datagrams, &id)?;
            }
        }
    }
    writeln!(out, "</section>")
}

/// Writes the matrix as one JSON object: `targets`, each as `probe --json` has it
/// or with the reason why it could not be probed, and `cases` with a verdict a
/// target.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_matrix_json(out: &mut impl Write, matrix: &ProbeMatrix<'_>) -> io::Result<()> {
    let targets: Vec<Value> = matrix
        .columns
        .iter()
        .map(|column| {
            let mut object = match column.outcome {
                Ok(summary) => probe_object(&summary),
                Err(reason) => json!({ "error": reason }),
            };
            object["name"] = column.name.into();
            object
        })
        .collect();
    let cases: Vec<Value> = matrix
        .cases()
        .into_iter()
        .map(|case| {
            let verdicts: Vec<Value> = matrix
                .columns
                .iter()
                .map(|column| match column.case(case) {
                    Some(report) => report.verdict.name().into(),
                    None => Value::Null,
                })
                .collect();
            json!({
                "id": case.id,
                "section": case.section(),
                "level": case.level.name(),
                "title": case.title,
                "verdicts": verdicts,
            })
        })
        .collect();
    let object = json!({
        "targets": targets,
        "cases": cases,
        "conforms": matrix.columns.iter().all(MatrixColumn::conforms),
    });
    serde_json::to_writer_pretty(&mut *out, &object)?;
    writeln!(out)
}
