//! The terminal UI as the front door.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use super::args::{JobsArg, ReadArgs};
use super::{UNREADABLE, complain, is_coloured};
use crate::capture::Input;
use crate::index::Store;
use crate::pipeline::Manner;
use crate::tui::{self, Environment, Settings};

/// Whether the captures are to be shown in the terminal UI: there is a terminal to
/// draw on and one to type at, and nothing was asked for that only text can give.
pub(super) fn is_wanted(args: &ReadArgs) -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if args.show.wants_text() || is_dumb || !io::stdout().is_terminal() {
        return false;
    }
    io::stdin().is_terminal() || File::open("/dev/tty").is_ok()
}

/// Shows them until the user quits.
pub(super) fn show(args: &ReadArgs, config: Option<&Path>) -> Result<ExitCode> {
    let environment = Environment::from_variables(is_coloured(args.input.known.color));
    let settings = match Settings::load(config, environment) {
        Ok(settings) => settings,
        Err(error) => {
            complain(format_args!("{error:#}"));
            return Ok(ExitCode::from(super::USAGE));
        }
    };
    let inputs = args.input.inputs();
    let manner = Manner {
        quiet: true,
        // What comes through a pipe may come live, and is wanted at once.
        at_once: inputs.contains(&Input::Stdin),
        ..JobsArg::default().manner()
    };
    let store = Store::open(
        &inputs,
        args.input.known.config(!args.show.no_verify),
        manner,
    )?;
    let faults = tui::run(
        store,
        settings,
        args.show.time,
        args.show.filter.filter.as_ref(),
    )?;
    for fault in &faults {
        complain(format_args!("{fault}"));
    }
    Ok(if faults.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNREADABLE)
    })
}
