//! `requirements`: what the RFC asks for and where it is covered.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};

use super::args::ColorArg;
use super::{USAGE, complain, stdout, style};
use crate::output::{write_requirements, write_requirements_json};
use crate::requirements::{Level, Requirement, requirements};

pub(super) const REQUIREMENTS_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect requirements
  ppsp-inspect requirements --section 3.1.1 --level MUST
  ppsp-inspect requirements --uncovered        what nothing checks, and why
  ppsp-inspect requirements --json | jq .summary

A requirement is covered by findings of the analyzer, by cases of the prober and
by tests of the embedded peer. One that is covered in several ways counts in
several columns of the summary. STATED are sentences without MUST, SHOULD or MAY: only
those that something checks.

Exit status: 0 all fine, 2 wrong usage or nothing selected.";

/// What `requirements` takes.
#[derive(Debug, Args)]
pub(super) struct RequirementsArgs {
    /// One JSON object, for programs
    #[arg(long)]
    json: bool,

    /// Only this section of RFC 7574 and those within it
    #[arg(long, value_name = "SECTION", value_parser = section)]
    section: Option<String>,

    /// Only this level; MUST NOT counts as MUST, RECOMMENDED as SHOULD, OPTIONAL as MAY
    #[arg(long, value_name = "LEVEL", ignore_case = true)]
    level: Option<LevelArg>,

    /// Only what no finding, case or test covers
    #[arg(long)]
    uncovered: bool,

    /// When to use colour
    #[arg(long, value_name = "WHEN", default_value = "auto")]
    color: ColorArg,
}

/// Levels, as RFC 2119 writes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "UPPER")]
enum LevelArg {
    Must,
    Should,
    May,
    Stated,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Must => Self::Must,
            LevelArg::Should => Self::Should,
            LevelArg::May => Self::May,
            LevelArg::Stated => Self::Stated,
        }
    }
}

fn section(text: &str) -> Result<String, String> {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
    if text.split('.').all(is_number) {
        Ok(text.to_owned())
    } else {
        Err("a section is numbers joined by points, such as 3.1.1".to_owned())
    }
}

impl RequirementsArgs {
    fn selects(&self, row: &Requirement) -> bool {
        let is_within = |section: &str| {
            let rest = row.section().strip_prefix(section);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.section.as_deref().is_none_or(is_within)
            && self.level.is_none_or(|level| row.level() == level.into())
            && !(self.uncovered && row.is_covered())
    }
}

pub(super) fn run(args: &RequirementsArgs) -> Result<ExitCode> {
    let rows: Vec<_> = requirements().filter(|row| args.selects(row)).collect();
    if rows.is_empty() {
        complain(format_args!(
            "no requirement is selected; `ppsp-inspect requirements` lists all, by section"
        ));
        return Ok(ExitCode::from(USAGE));
    }
    let mut out = stdout();
    if args.json {
        write_requirements_json(&mut out, &rows)?;
    } else {
        write_requirements(&mut out, &rows, style(args.color))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}
