//! What came of a probe, for people: lines on a terminal, and Markdown.

use std::io::{self, Write};
use std::path::Path;

use ppspp_dissector::finding::Severity;

use super::format::Hex;
use super::style::Style;
use crate::probe::{Case, CaseReport, Expectations, Known, Report, Role, Swarm, Verdict};

/// What is told of a probe.
#[derive(Clone, Copy, Debug)]
pub struct ProbeSummary<'a> {
    /// Whom it was about, as the user named it.
    pub target: &'a str,
    /// In which swarm.
    pub swarm: &'a Swarm,
    /// As what.
    pub role: Role,
    /// What came of it.
    pub report: &'a Report,
    /// Failures that are known.
    pub expectations: &'a Expectations,
    /// The command that runs it again, but for the cases.
    pub command: &'a str,
    /// Where the datagrams are.
    pub capture: Option<&'a Path>,
}

impl ProbeSummary<'_> {
    /// Whether nothing failed but what was expected to, and that did.
    pub fn conforms(&self) -> bool {
        let mut cases = self.report.cases.iter();
        cases.all(|case| self.expectations.is_fine(case))
    }

    /// Why a case is told of at length, where it is.
    pub(super) fn kind_of(&self, case: &CaseReport) -> Option<Kind> {
        if !self.expectations.is_fine(case) {
            return Some(Kind::Failure);
        }
        match case.verdict {
            Verdict::Fail => Some(Kind::Known),
            Verdict::Warn => Some(Kind::Warning),
            _ => None,
        }
    }

    /// The command that repeats one case.
    pub fn again(&self, case: &Case) -> String {
        format!("{} --case {}", self.command, case.id)
    }
}

/// Why a case is told of at length; the gravest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// It is not as it should be.
    Failure,
    /// A SHOULD is not met.
    Warning,
    /// It failed as was expected.
    Known,
}

/// What a case needs to be told of besides a pass.
pub(super) fn severity(verdict: Verdict) -> Option<Severity> {
    match verdict {
        Verdict::Pass => None,
        Verdict::Fail | Verdict::Error => Some(Severity::Error),
        Verdict::Warn | Verdict::Inconclusive => Some(Severity::Warning),
        Verdict::Skip => Some(Severity::Note),
    }
}

/// Writes who was met.
///
/// # Errors
/// What `out` answers.
pub fn write_target(
    out: &mut impl Write,
    target: &str,
    swarm: &Swarm,
    known: &Known,
    style: Style,
) -> io::Result<()> {
    write!(
        out,
        "{} in swarm {}: takes {}",
        style.heading(target),
        style.swarm(Hex(&swarm.id)),
        known.manner.describe()
    )?;
    match known.size {
        Some(size) => write!(out, ", {size} chunks")?,
        None if swarm.is_live() => write!(out, ", a live stream")?,
        None => write!(out, ", content of unknown size")?,
    }
    if !known.serves {
        write!(out, ", transfers nothing")?;
    }
    writeln!(out)
}

/// Writes a case that is done, on a line.
///
/// # Errors
/// What `out` answers.
pub fn write_case_line(
    out: &mut impl Write,
    case: &CaseReport,
    expectations: &Expectations,
    style: Style,
) -> io::Result<()> {
    let name = format!("{:<12}", case.verdict.name());
    match severity(case.verdict) {
        Some(severity) => write!(out, "{} ", style.severity(severity, name))?,
        None => write!(out, "{name} ")?,
    }
    write!(out, "{}  {}", style.name(case.case.id), case.case.title)?;
    if case.verdict == Verdict::Skip || case.verdict == Verdict::Inconclusive {
        write!(out, "  {}", style.faint(format!("({})", case.detail)))?;
    }
    match (expectations.why(case.case.id), case.verdict) {
        (Some(why), Verdict::Fail) => write!(out, "  (expected: {why})")?,
        (Some(why), Verdict::Pass) if !expectations.is_fine(case) => {
            write!(out, "  (UNEXPECTED: known to fail, {why})")?;
        }
        _ => {}
    }
    writeln!(out)
}

/// Writes the failures with all that is known of them, and a summary.
///
/// # Errors
/// What `out` answers.
pub fn write_probe(
    out: &mut impl Write,
    summary: &ProbeSummary<'_>,
    style: Style,
) -> io::Result<()> {
    let firsts = summary.report.first_frames();
    for (case, first) in summary.report.cases.iter().zip(firsts) {
        let Some(violation) = &case.violation else {
            continue;
        };
        if !matches!(case.verdict, Verdict::Fail | Verdict::Warn) {
            continue;
        }
        let severity = severity(case.verdict).unwrap_or(Severity::Note);
        writeln!(
            out,
            "\n{} {} ({})  {}",
            style.severity(severity, case.verdict.name().to_uppercase()),
            style.name(case.case.id),
            case.case.level,
            case.case.title
        )?;
        writeln!(out, "  required  {}", case.case.requirement)?;
        writeln!(out, "  expected  {}", violation.expected)?;
        writeln!(out, "  actual    {}", violation.actual)?;
        if let Some(capture) = summary.capture {
            let frames = frames(case, first);
            if !frames.is_empty() {
                let frames: Vec<String> = frames.iter().map(usize::to_string).collect();
                writeln!(
                    out,
                    "  frames    {} of {}",
                    frames.join(", "),
                    capture.display()
                )?;
            }
        }
        writeln!(out, "  again     {}", summary.again(case.case))?;
    }
    writeln!(out)?;
    write_counts(out, summary.report)?;
    let unexpected = summary.report.cases.iter();
    let unexpected = unexpected
        .filter(|case| case.verdict == Verdict::Pass && !summary.expectations.is_fine(case))
        .count();
    if unexpected > 0 {
        write!(out, "; {unexpected} passed that were known to fail")?;
    }
    writeln!(out)
}

/// Writes how many cases came to which verdict.
///
/// # Errors
/// What `out` answers.
pub(super) fn write_counts(out: &mut impl Write, report: &Report) -> io::Result<()> {
    write!(out, "{} cases", report.cases.len())?;
    let mut before = ": ";
    for verdict in Verdict::ALL {
        let count = report.count(verdict);
        if count > 0 || verdict == Verdict::Fail {
            write!(out, "{before}{count} {}", verdict.name())?;
            before = ", ";
        }
    }
    Ok(())
}

/// The datagrams that decided a case, by their numbers in the capture.
pub(super) fn frames(case: &CaseReport, first: usize) -> Vec<usize> {
    let places = case.violation.iter().flat_map(|it| &it.frames);
    places.map(|place| first + place).collect()
}

/// Writes all cases, a line each.
///
/// # Errors
/// What `out` answers.
pub fn write_cases(out: &mut impl Write, cases: &[&Case], style: Style) -> io::Result<()> {
    for case in cases {
        writeln!(
            out,
            "{:<10} {:<16} {}  {}",
            case.level,
            case.role_names(),
            style.name(case.id),
            case.title
        )?;
    }
    Ok(())
}

/// Writes the report as Markdown.
///
/// # Errors
/// What `out` answers.
pub fn write_probe_markdown(out: &mut impl Write, summary: &ProbeSummary<'_>) -> io::Result<()> {
    let report = summary.report;
    writeln!(out, "# {} as {}\n", summary.target, summary.role.name())?;
    writeln!(
        out,
        "Swarm `{}`; takes {}.\n",
        Hex(&summary.swarm.id),
        report.known.manner.describe()
    )?;
    writeln!(out, "| verdict | cases |\n|---|---|")?;
    for verdict in Verdict::ALL {
        writeln!(out, "| {} | {} |", verdict.name(), report.count(verdict))?;
    }
    let cell = |text: &str| text.replace('|', "\\|");
    let firsts = report.first_frames();
    for (case, first) in report.cases.iter().zip(firsts) {
        let (Some(violation), Verdict::Fail | Verdict::Warn) = (&case.violation, case.verdict)
        else {
            continue;
        };
        writeln!(out, "\n## {}: `{}`\n", case.verdict.name(), case.case.id)?;
        writeln!(
            out,
            "{} ({}, section {})\n",
            case.case.title,
            case.case.level,
            case.case.section()
        )?;
        writeln!(out, "> {}\n", case.case.requirement)?;
        writeln!(out, "- expected: {}", violation.expected)?;
        writeln!(out, "- actual: {}", violation.actual)?;
        let frames: Vec<String> = frames(case, first).iter().map(usize::to_string).collect();
        if !frames.is_empty() {
            writeln!(out, "- frames: {}", frames.join(", "))?;
        }
        if let Some(why) = summary.expectations.why(case.case.id) {
            writeln!(out, "- known: {why}")?;
        }
        writeln!(out, "- again: `{}`", summary.again(case.case))?;
    }
    writeln!(
        out,
        "\n## All cases\n\n| case | level | verdict | |\n|---|---|---|---|"
    )?;
    for case in &report.cases {
        writeln!(
            out,
            "| `{}` | {} | {} | {} |",
            case.case.id,
            case.case.level,
            case.verdict.name(),
            cell(&case.detail)
        )?;
    }
    Ok(())
}
