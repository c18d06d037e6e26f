//! The terminal UI as the front door.

use std::fs::File;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Result;

use super::args::{JobsArg, KnownArgs, ReadArgs, ShowArgs};
use super::{UNREADABLE, USAGE, complain, is_coloured};
use crate::capture::live::LiveWatch;
use crate::capture::{Capture, Input};
use crate::index::{Keep, Store};
use crate::pipeline::Manner;
use crate::tui::{self, Environment, Settings};

/// Whether datagrams are to be shown in the terminal UI: there is a terminal to
/// draw on and one to type at, and nothing was asked for that only text can give.
pub(super) fn is_wanted(show: &ShowArgs) -> bool {
    let is_dumb = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    if show.wants_text() || is_dumb || !io::stdout().is_terminal() {
        return false;
    }
    io::stdin().is_terminal() || File::open("/dev/tty").is_ok()
}

/// Shows captures until the user quits.
pub(super) fn show(args: &ReadArgs, config: Option<&Path>) -> Result<ExitCode> {
    let Some(settings) = settings(&args.input.known, config) else {
        return Ok(ExitCode::from(USAGE));
    };
    let inputs = args.input.inputs();
    let manner = Manner {
        quiet: true,
        // What comes through a pipe may come live, and is wanted at once.
        at_once: inputs.contains(&Input::Stdin),
        ..JobsArg::default().manner()
    };
    let config = args.input.known.config(!args.show.no_verify);
    // What comes through a pipe may have no end.
    let default = if inputs.contains(&Input::Stdin) {
        Keep::OF_LIVE
    } else {
        Keep::ALL
    };
    let keep = args.show.keep.or(default);
    let store = Store::open(&inputs, config, manner, keep)?;
    run(store, settings, &args.show, None)
}

/// Shows a live capture, called `name`, until the user quits.
pub(super) fn show_live(
    capture: Capture,
    name: String,
    (known, show): (&KnownArgs, &ShowArgs),
    settings: Settings,
    live: LiveWatch,
) -> Result<ExitCode> {
    let manner = Manner {
        quiet: true,
        at_once: true,
        ..Manner::default()
    };
    let config = known.config(!show.no_verify);
    let keep = show.keep.or(Keep::OF_LIVE);
    let store = Store::open_capture(capture, name, config, manner, keep)?;
    run(store, settings, show, Some(live))
}

/// How the UI looks and which keys it has; `None` where the user was told what is
/// wrong with the configuration.
pub(super) fn settings(known: &KnownArgs, config: Option<&Path>) -> Option<Settings> {
    let environment = Environment::from_variables(is_coloured(known.color));
    match Settings::load(config, environment) {
        Ok(settings) => Some(settings),
        Err(error) => {
            complain(format_args!("{error:#}"));
            None
        }
    }
}

fn run(
    store: Store,
    settings: Settings,
    show: &ShowArgs,
    live: Option<LiveWatch>,
) -> Result<ExitCode> {
    let faults = tui::run(
        store,
        settings,
        show.time,
        show.filter.filter.as_ref(),
        live,
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
