//! `live` and `interfaces`: captures as they happen.

use std::io::{self, IsTerminal as _, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::Result;
use indicatif::{ProgressBar, ProgressDrawTarget};
use jiff::Timestamp;
use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::{Datagram, Record, Verdict};
use ppspp_dissector::wire::{Message, MessageType};

use super::args::FormatArg;
use super::printer::Printer;
use super::signals::stop_by_signal;
use super::sniff_args::{InterfacesArgs, SniffArgs};
use super::sniff_output::{PromptOutput, Regularly, lock};
use super::{UNREADABLE, USAGE, complain, status, stdout, style, ui};
use crate::capture::Capture;
use crate::capture::live::{self, LiveCapture, LiveWatch};
use crate::output::{
    CaptureSummary, LiveFigures, write_interfaces, write_interfaces_json, write_live_counters,
    write_live_figures, write_live_figures_json, write_stats, write_stats_json,
};
use crate::pipeline::{self, Finished, Manner};
use crate::selection::Selection;

/// How often the counters on the terminal are renewed.
const RENEWAL: Duration = Duration::from_millis(500);

/// Lists the interfaces.
pub(super) fn interfaces(args: &InterfacesArgs) -> Result<ExitCode> {
    let all = live::interfaces()?;
    let mut out = stdout();
    if args.json {
        write_interfaces_json(&mut out, &all)?;
    } else {
        write_interfaces(&mut out, &all)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Captures, and prints what comes.
pub(super) fn run(args: &SniffArgs) -> Result<ExitCode> {
    let shows_ui = !args.text && !args.quiet && args.stats.is_none() && ui::is_wanted(&args.show);
    let settings = if shows_ui {
        let Some(settings) = ui::settings(&args.known, args.config.as_deref()) else {
            return Ok(ExitCode::from(USAGE));
        };
        Some(settings)
    } else {
        None
    };
    let mut live = match LiveCapture::start(&args.options()) {
        Ok(live) => live,
        Err(error) if error.is_usage() => {
            complain(format_args!("{error}"));
            return Ok(ExitCode::from(USAGE));
        }
        Err(error) => return Err(error.into()),
    };
    let watch = live.watch();
    stop_by_signal(&watch.stop_flag())?;
    let shown = show_counters(&watch)?;
    let exit = match live.packets() {
        Some(packets) => {
            let capture = Capture::from_reader(name(args), packets)?;
            if let Some(settings) = settings {
                let how = (&args.known, &args.show);
                ui::show_live(capture, name(args), how, settings, watch.clone())?
            } else if args.stats.is_some() {
                tell_figures(args, capture, &watch)?
            } else {
                print_datagrams(args, capture)?
            }
        }
        None => ExitCode::SUCCESS,
    };
    // Where no more datagrams are wanted, the capture still goes on.
    if !args.quiet {
        watch.stop();
    }
    let faults = live.finish();
    drop(shown);
    // Nobody may be left to read it.
    let _ = write_live_counters(&mut io::stderr(), &watch.counters());
    for fault in &faults {
        complain(format_args!("{fault}"));
    }
    Ok(if faults.is_empty() {
        exit
    } else {
        ExitCode::from(UNREADABLE)
    })
}

/// What the stream of packets is called in messages.
fn name(args: &SniffArgs) -> String {
    let interfaces = args.options().interfaces;
    if interfaces.is_empty() {
        "the interface".to_owned()
    } else {
        interfaces.join(", ")
    }
}

fn print_datagrams(args: &SniffArgs, capture: Capture) -> Result<ExitCode> {
    let mut printer = Printer::new(PromptOutput::new()?, &args.show, style(args.known.color));
    let finished = pipeline::run_opened(
        capture,
        args.known.config(!args.show.no_verify),
        manner(),
        |datagram, record, frame| printer.print(datagram, record, frame),
    )?;
    printer.out.flush()?;
    Ok(status(&finished))
}

/// Prints figures at intervals, and a summary at the end.
fn tell_figures(args: &SniffArgs, capture: Capture, watch: &LiveWatch) -> Result<ExitCode> {
    let seconds = args.stats.unwrap_or(1).into();
    let mut selection = args.show.filter.filter.clone().map(Selection::new);
    let is_json = args.show.format == FormatArg::Jsonl;
    let figures = Arc::new(Mutex::new(LiveFigures::default()));
    let (told, watch) = (Arc::clone(&figures), watch.clone());
    let mut before = (Instant::now(), LiveFigures::default());
    let teller = Regularly::begin(Duration::from_secs(seconds), move || {
        let now = (Instant::now(), lock(&told).counting(&watch.counters()));
        let passed = (now.0 - before.0).as_secs_f64();
        let (date, mut out) = (Timestamp::now(), stdout());
        let written = if is_json {
            write_live_figures_json(&mut out, date, &now.1)
        } else {
            write_live_figures(&mut out, date, &now.1, &before.1, passed)
        };
        before = now;
        if written.and_then(|()| out.flush()).is_err() {
            watch.stop();
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    let finished = pipeline::run_opened(
        capture,
        args.known.config(!args.show.no_verify),
        manner(),
        |datagram, record, frame| {
            let fits = selection
                .as_mut()
                .is_none_or(|selection| selection.offer(datagram, record, frame));
            if fits {
                count(&mut lock(&figures), datagram, record);
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    drop(teller);
    write_summary(&finished, selection.as_ref(), is_json, args)?;
    Ok(status(&finished))
}

fn write_summary(
    finished: &Finished,
    selection: Option<&Selection>,
    is_json: bool,
    args: &SniffArgs,
) -> Result<()> {
    let mut out = stdout();
    let summary = CaptureSummary {
        counters: finished.capture.counters(),
        analyzer: &finished.analyzer,
        comments: &[],
        selection,
    };
    if is_json {
        write_stats_json(&mut out, &summary)?;
    } else {
        writeln!(out)?;
        write_stats(&mut out, &summary, style(args.known.color))?;
    }
    out.flush()?;
    Ok(())
}

fn count(figures: &mut LiveFigures, datagram: &Datagram<'_>, record: &Record<'_, '_>) {
    figures.datagrams += 1;
    figures.bytes += datagram.payload.len() as u64;
    for (place, located) in record.messages.iter().enumerate() {
        let is_data = matches!(located.message, Message::Data { .. });
        if is_data && record.verdict(place) == Verdict::Verified {
            figures.verified += 1;
        }
    }
    let settled = record
        .late
        .iter()
        .filter(|late| late.kind == MessageType::Data && late.verdict == Verdict::Verified);
    figures.verified += settled.count() as u64;
    figures.failed += record.failures.len() as u64;
    for finding in record.findings {
        *match finding.id.entry().severity {
            Severity::Error => &mut figures.errors,
            Severity::Warning => &mut figures.warnings,
            Severity::Note => &mut figures.notes,
        } += 1;
    }
}

/// Packets are wanted as they come.
fn manner() -> Manner {
    Manner {
        quiet: true,
        at_once: true,
        ..Manner::default()
    }
}

/// Keeps the counters in sight, where standard error is a terminal and nothing
/// else is printed there.
fn show_counters(watch: &LiveWatch) -> Result<Option<Regularly>> {
    if !io::stderr().is_terminal() || io::stdout().is_terminal() {
        return Ok(None);
    }
    let bar = ProgressBar::new_spinner();
    bar.set_draw_target(ProgressDrawTarget::stderr());
    let watch = watch.clone();
    let shown = ShownBar(bar);
    Ok(Some(Regularly::begin(RENEWAL, move || {
        let mut line = Vec::new();
        if write_live_counters(&mut line, &watch.counters()).is_ok() {
            let line = String::from_utf8_lossy(&line);
            shown.0.set_message(line.trim_end().to_owned());
            shown.0.tick();
        }
        ControlFlow::Continue(())
    })?))
}

/// Taken away when it is no longer renewed.
struct ShownBar(ProgressBar);

impl Drop for ShownBar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
