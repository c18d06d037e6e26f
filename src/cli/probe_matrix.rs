//! The command `probe matrix`: several targets, one after the other.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::probe::{Assignment, created, record};
use super::probe_args::MatrixArgs;
use super::probe_targets::{Target, targets};
use super::{BAD, UNREADABLE, USAGE, complain, stdout, style};
use crate::output::{
    MatrixColumn, ProbeMatrix, write_probe_matrix, write_probe_matrix_html,
    write_probe_matrix_json, write_probe_matrix_markdown,
};
use crate::probe::{Plan, Report};

/// Probes all targets of a file and draws what came of it.
pub(super) fn run(args: &MatrixArgs) -> Result<ExitCode> {
    let name = args.targets.display();
    let text = fs::read_to_string(&args.targets).with_context(|| {
        format!("{name}: this should be the file of targets, which can't be read; `ppsp-inspect probe matrix --help` shows what is in one")
    })?;
    let folder = args.targets.parent().unwrap_or(Path::new(""));
    let targets = match targets(&text, folder) {
        Ok(targets) => targets,
        Err(error) => {
            complain(format_args!("{name}: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    // Whatever is wrong is better known before the first target than after it.
    let mut assignments = Vec::new();
    for target in &targets {
        match Assignment::of(&target.args) {
            Ok(assignment) => assignments.push(assignment),
            Err(complaint) => {
                complain(format_args!(
                    "{name}: target \"{}\": {complaint}",
                    target.name
                ));
                return Ok(ExitCode::from(USAGE));
            }
        }
    }
    let markdown_file = created(args.markdown.as_deref())?;
    let html_file = created(args.html.as_deref())?;
    let mut outcomes = Vec::new();
    for (target, assignment) in targets.iter().zip(&assignments) {
        outcomes.push(attempt(target, assignment)?);
    }
    let columns = targets.iter().zip(&assignments).zip(&outcomes);
    let matrix = ProbeMatrix {
        columns: columns
            .map(|((target, assignment), outcome)| MatrixColumn {
                name: &target.name,
                outcome: match outcome {
                    Ok((plan, report)) => Ok(assignment.summary(plan, report)),
                    Err(reason) => Err(reason),
                },
            })
            .collect(),
    };
    if let Some(mut file) = markdown_file {
        write_probe_matrix_markdown(&mut file, &matrix).context("--markdown")?;
    }
    if let Some(mut file) = html_file {
        write_probe_matrix_html(&mut file, &matrix).context("--html")?;
    }
    let mut out = stdout();
    if args.json {
        write_probe_matrix_json(&mut out, &matrix)?;
    } else {
        write_probe_matrix(&mut out, &matrix, style(args.color))?;
    }
    out.flush()?;
    Ok(status(&matrix))
}

/// A failure weighs more than a target that was not there.
fn status(matrix: &ProbeMatrix<'_>) -> ExitCode {
    let mut probed = matrix
        .columns
        .iter()
        .filter_map(|column| column.outcome.ok());
    if probed.any(|summary| !summary.conforms()) {
        ExitCode::from(BAD)
    } else if matrix.columns.iter().any(|column| column.outcome.is_err()) {
        ExitCode::from(UNREADABLE)
    } else {
        ExitCode::SUCCESS
    }
}

/// What came of a target, or why it could not be probed: others come after it.
type Outcome = Result<(Plan, Report), String>;

/// Probes one target.
///
/// # Errors
/// Where its capture can't be written.
fn attempt(target: &Target, assignment: &Assignment<'_>) -> Result<Outcome> {
    let capture = created(target.args.write.as_deref())?;
    let mut progress = Progress::of(&target.name);
    let mut probed = || {
        let mut plan = assignment.plan()?;
        let report = assignment.work(&mut plan, &mut |_, _, case| {
            progress.pass(case.case.id);
        })?;
        anyhow::Ok((plan, report))
    };
    let outcome = probed();
    progress.end();
    match outcome {
        Ok((plan, report)) => {
            if let Some(file) = capture {
                record(file, &target.args, &assignment.summary(&plan, &report))?;
            }
            Ok(Ok((plan, report)))
        }
        Err(error) => Ok(Err(format!("{error:#}"))),
    }
}

/// One line on a terminal that says how far it is.
struct Progress<'a> {
    name: &'a str,
    is_shown: bool,
    done: usize,
}

impl<'a> Progress<'a> {
    fn of(name: &'a str) -> Self {
        Self {
            name,
            is_shown: io::stderr().is_terminal(),
            done: 0,
        }
    }

    fn pass(&mut self, id: &str) {
        self.done += 1;
        self.show(&format!("{}: {} cases, {id}", self.name, self.done));
    }

    fn end(&self) {
        self.show("");
    }

    fn show(&self, text: &str) {
        if self.is_shown {
            let mut line = String::new();
            // What the name holds is not to move the cursor.
            let text: String = text.chars().filter(|it| !it.is_control()).collect();
            let _ = write!(line, "\r\u{1b}[K{text}");
            let _ = io::stderr().write_all(line.as_bytes());
        }
    }
}
