//! Several targets beside each other, for people: a table on a terminal, and
//! Markdown.

use std::io::{self, Write};

use super::probe::{ProbeSummary, severity, write_counts};
use super::probe_html::section_order;
use super::style::Style;
use crate::probe::{Case, CaseReport, Verdict};

/// What came of several probes.
#[derive(Clone, Debug)]
pub struct ProbeMatrix<'a> {
    /// The targets, in their order.
    pub columns: Vec<MatrixColumn<'a>>,
}

/// What came of one of them.
#[derive(Clone, Copy, Debug)]
pub struct MatrixColumn<'a> {
    /// What the user calls it.
    pub name: &'a str,
    /// What came of it, or why it could not be probed.
    pub outcome: Result<ProbeSummary<'a>, &'a str>,
}

/// What stands in a place of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cell {
    /// The case was not run against this target.
    Nothing,
    /// What came of it.
    Verdict(Verdict),
    /// A failure that was known.
    Known,
    /// A pass that was known to fail.
    Unexpected,
}

impl Cell {
    /// The word for it: it says everything that a colour does.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Nothing => "·",
            Self::Verdict(Verdict::Fail) => "FAIL",
            Self::Verdict(Verdict::Inconclusive) => "unclear",
            Self::Verdict(verdict) => verdict.name(),
            Self::Known => "known",
            Self::Unexpected => "PASS?",
        }
    }
}

impl<'a> MatrixColumn<'a> {
    /// Whether it was probed, and nothing failed but what was expected to.
    pub fn conforms(&self) -> bool {
        self.outcome.is_ok_and(|summary| summary.conforms())
    }

    /// What came of a case.
    pub(super) fn case(&self, case: &Case) -> Option<&'a CaseReport> {
        let mut cases = self.outcome.ok()?.report.cases.iter();
        cases.find(|it| it.case.id == case.id)
    }

    pub(super) fn cell(&self, case: &Case) -> Cell {
        let (Ok(summary), Some(report)) = (self.outcome, self.case(case)) else {
            return Cell::Nothing;
        };
        let is_fine = summary.expectations.is_fine(report);
        match report.verdict {
            Verdict::Fail if is_fine => Cell::Known,
            Verdict::Pass if !is_fine => Cell::Unexpected,
            verdict => Cell::Verdict(verdict),
        }
    }
}

impl ProbeMatrix<'_> {
    /// All cases that were run against any target, by section.
    pub(super) fn cases(&self) -> Vec<&'static Case> {
        let mut cases: Vec<&'static Case> = Vec::new();
        let probed = self.columns.iter().filter_map(|column| column.outcome.ok());
        for report in probed.flat_map(|summary| &summary.report.cases) {
            if !cases.iter().any(|case| case.id == report.case.id) {
                cases.push(report.case);
            }
        }
        // Cases of a section stay in the order in which they ran.
        cases.sort_by_key(|case| section_order(case.section()));
        cases
    }

    /// Cases that any target fails or does otherwise than it should.
    pub(super) fn noted(&self) -> Vec<&'static Case> {
        let is_noted = |case: &&Case| {
            let cells = self.columns.iter().map(|column| column.cell(case));
            cells.into_iter().any(|cell| {
                !matches!(
                    cell,
                    Cell::Nothing | Cell::Verdict(Verdict::Pass | Verdict::Skip)
                )
            })
        };
        self.cases().into_iter().filter(is_noted).collect()
    }
}

/// Characters of a target's name that head its column.
const HEAD: usize = 14;

/// Writes the table, what the words mean, and a line for each target.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_matrix(
    out: &mut impl Write,
    matrix: &ProbeMatrix<'_>,
    style: Style,
) -> io::Result<()> {
    let cases = matrix.cases();
    let names: Vec<String> = matrix
        .columns
        .iter()
        .map(|column| column.name.chars().take(HEAD).collect())
        .collect();
    let width = |name: &String| name.chars().count().max(7);
    let wide = cases.iter().map(|case| case.id.len()).max().unwrap_or(0);
    if !cases.is_empty() {
        write!(out, "{:<10} {:<wide$}", "level", "case")?;
        for name in &names {
            let head = format!("{name:<width$}", width = width(name));
            write!(out, "  {}", style.heading(head))?;
        }
        writeln!(out)?;
    }
    for case in &cases {
        write!(out, "{:<10} {}", case.level, style.name(case.id))?;
        write!(out, "{:<pad$}", "", pad = wide - case.id.len())?;
        for (column, name) in matrix.columns.iter().zip(&names) {
            let cell = column.cell(case);
            let word = format!("{:<width$}", cell.word(), width = width(name));
            match grade(cell) {
                Some(severity) => write!(out, "  {}", style.severity(severity, word))?,
                None => write!(out, "  {word}")?,
            }
        }
        writeln!(out)?;
    }
    if !cases.is_empty() {
        writeln!(
            out,
            "\nknown: a failure that is expected; PASS?: a pass where one is; ·: not run\n"
        )?;
    }
    for column in &matrix.columns {
        write!(out, "{}: ", style.heading(column.name))?;
        match column.outcome {
            Ok(summary) => {
                let word = conformance(&summary);
                write!(
                    out,
                    "{word}; takes {}; ",
                    summary.report.known.manner.describe()
                )?;
                write_counts(out, summary.report)?;
                writeln!(out)?;
            }
            Err(reason) => writeln!(out, "not probed: {reason}")?,
        }
    }
    Ok(())
}

fn conformance(summary: &ProbeSummary<'_>) -> &'static str {
    if summary.conforms() {
        "conforms"
    } else {
        "does not conform"
    }
}

fn grade(cell: Cell) -> Option<ppspp_dissector::finding::Severity> {
    match cell {
        Cell::Nothing | Cell::Known => None,
        Cell::Unexpected => severity(Verdict::Fail),
        Cell::Verdict(verdict) => severity(verdict),
    }
}

/// Text in a cell of a Markdown table, or in a heading: what would end it or make
/// something else of it is replaced.
pub(super) fn markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '|' | '<' | '>' | '[' | ']' | '*' | '_' | '`' | '\\' => {
                escaped.push('\\');
                escaped.push(character);
            }
            control if control.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

/// Writes the matrix as Markdown: the table, then for each case that somebody
/// fails what came.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_matrix_markdown(
    out: &mut impl Write,
    matrix: &ProbeMatrix<'_>,
) -> io::Result<()> {
    writeln!(out, "# Implementations and cases\n")?;
    writeln!(out, "| target | |\n|---|---|")?;
    for column in &matrix.columns {
        write!(out, "| {} | ", markdown(column.name))?;
        match column.outcome {
            Ok(summary) => {
                let word = conformance(&summary);
                write!(
                    out,
                    "{} as {}: {word}; takes {}; ",
                    markdown(summary.target),
                    summary.role.name(),
                    summary.report.known.manner.describe()
                )?;
                write_counts(out, summary.report)?;
            }
            Err(reason) => write!(out, "not probed: {}", markdown(reason))?,
        }
        writeln!(out, " |")?;
    }
    write!(out, "\n| case | level |")?;
    for column in &matrix.columns {
        write!(out, " {} |", markdown(column.name))?;
    }
    writeln!(out, "\n|---|---|{}", "---|".repeat(matrix.columns.len()))?;
    for case in matrix.cases() {
        write!(out, "| `{}` | {} |", case.id, case.level)?;
        for column in &matrix.columns {
            write!(out, " {} |", column.cell(case).word())?;
        }
        writeln!(out)?;
    }
    for case in matrix.noted() {
        writeln!(
            out,
            "\n## `{}`\n\n{} ({}, section {})\n\n> {}\n",
            case.id,
            case.title,
            case.level,
            case.section(),
            case.requirement
        )?;
        for column in &matrix.columns {
            let (Ok(summary), Some(report)) = (column.outcome, column.case(case)) else {
                continue;
            };
            let name = markdown(column.name);
            match (&report.violation, report.verdict) {
                (Some(violation), _) => writeln!(
                    out,
                    "- {name}: {}: expected {}; actual {}",
                    report.verdict.name(),
                    markdown(&violation.expected),
                    markdown(&violation.actual)
                )?,
                (None, Verdict::Inconclusive | Verdict::Error) => writeln!(
                    out,
                    "- {name}: {}: {}",
                    report.verdict.name(),
                    markdown(&report.detail)
                )?,
                (None, _) => continue,
            }
            if let Some(why) = summary.expectations.why(case.id) {
                writeln!(out, "  - known: {}", markdown(why))?;
            }
        }
    }
    Ok(())
}
