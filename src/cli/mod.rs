//! The command line: which room does what. No logic of its own.

mod args;
mod generated;
mod keep_args;
mod live;
mod live_args;
mod members;
mod peer;
mod peer_args;
mod printer;
mod probe;
mod probe_args;
mod probe_matrix;
mod probe_serve;
mod probe_targets;
mod requirements;
mod signals;
mod simulate;
mod simulate_args;
mod sniff;
mod sniff_args;
mod sniff_output;
mod transfer;
mod transfer_news;
mod ui;

use std::fmt;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Read, StdoutLock, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use ppspp_dissector::integrity::TreeHash;
use ppspp_dissector::session::{Failure, Swarm};
use ppspp_dissector::wire::HashFunction;

use crate::capture::{CaptureError, Input};
use crate::content::{DRAWN_CHUNKS, hash_content};
use crate::extraction::Extraction;
use crate::output::{
    CaptureSummary, ContentSummary, Style, VerificationSummary, write_catalogue,
    write_catalogue_json, write_content, write_content_json, write_content_tree, write_extraction,
    write_fields, write_fields_json, write_stats, write_stats_json, write_verification,
    write_verification_json,
};
use crate::pipeline::{self, Finished, Manner};
use crate::progress::Progress;
use crate::selection::Selection;
use args::{
    Cli, ColorArg, Command, ExtractArgs, FieldsArgs, FindingsArgs, FormatArg, HashArgs, ReadArgs,
    StatsArgs, VerifyArgs,
};
use printer::Printer;

/// What was looked for is bad.
const BAD: u8 = 1;
/// Wrong usage.
const USAGE: u8 = 2;
/// An input could not be read, or not to its end.
const UNREADABLE: u8 = 3;

/// Failures that are listed, at most.
const MOST_FAILURES: usize = 64 * 1024;

/// Bytes of output that are written at once.
const OUTPUT_BUFFER: usize = 64 * 1024;

/// Runs the program; the exit status is what DESIGN.md promises.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version go to stdout and are no error. Where printing
            // fails there is nobody left to tell.
            let _ = error.print();
            return if error.use_stderr() {
                ExitCode::from(USAGE)
            } else {
                ExitCode::SUCCESS
            };
        }
    };
    if cli.print_config {
        return match stdout().write_all(crate::tui::print_config().as_bytes()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(_) => ExitCode::from(UNREADABLE),
        };
    }
    if cli.command.is_none() && ui::is_wanted(&cli.read.show) {
        return ended(ui::show(&cli.read, cli.config.as_deref()));
    }
    ended(match cli.command.unwrap_or(Command::Read(cli.read)) {
        Command::Read(args) => read(&args),
        Command::Stats(args) => stats(&args),
        Command::Verify(args) => verify(&args),
        Command::Extract(args) => extract(&args),
        Command::Hash(args) => hash(&args),
        Command::Live(args) => sniff::run(&args),
        Command::Interfaces(args) => sniff::interfaces(&args),
        Command::Findings(args) => findings(&args),
        Command::Fields(args) => fields(&args),
        Command::Completions(args) => generated::completions(&args),
        Command::Man(args) => generated::man(&args),
        Command::Requirements(args) => requirements::run(&args),
        Command::Peer(args) => peer::run(&args),
        Command::Probe(args) => probe::probe(&args),
        Command::Simulate(args) => simulate::run(&args),
    })
}

/// The exit status of a command, whose error is told.
fn ended(result: Result<ExitCode>) -> ExitCode {
    match result {
        Ok(status) => status,
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // A capture's error names its cause itself.
            if error.downcast_ref::<CaptureError>().is_some() {
                complain(format_args!("{error}"));
            } else {
                complain(format_args!("{error:#}"));
            }
            ExitCode::from(UNREADABLE)
        }
    }
}

fn read(args: &ReadArgs) -> Result<ExitCode> {
    let (known, show) = (&args.input.known, &args.show);
    let mut printer = Printer::new(stdout(), show, style(known.color));
    // What comes through a pipe may come live, and is wanted at once.
    let live = args.input.inputs().contains(&Input::Stdin);
    let finished = pipeline::run(
        &args.input.inputs(),
        known.config(!show.no_verify),
        Manner {
            quiet: io::stdout().is_terminal(),
            at_once: live || show.count.is_some(),
            ..Manner::default()
        },
        |datagram, record, frame| {
            let flow = printer.print(datagram, record, frame)?;
            if live {
                printer.out.flush()?;
            }
            Ok(flow)
        },
    )?;
    printer.out.flush()?;
    if show.format == FormatArg::Text {
        tell_of_others(&finished, known.has_ports());
    }
    Ok(status(&finished))
}

/// Says what the capture held beside PPSPP, above all where that is everything.
fn tell_of_others(finished: &Finished, has_ports: bool) {
    let totals = finished.analyzer.totals();
    let frames = finished.capture.counters().frames;
    if totals.datagrams == 0 && totals.not_ppspp == 0 && frames > 0 {
        complain(format_args!(
            "no PPSPP in {frames} frames; `ppsp-inspect stats` tells what they are"
        ));
    }
    // Who names ports has left the others out on purpose.
    if totals.not_ppspp > 0 && !has_ports {
        complain(format_args!(
            "{} other UDP datagrams are not PPSPP; \
             --port PORT decodes those of a port all the same",
            totals.not_ppspp
        ));
    }
}

fn stats(args: &StatsArgs) -> Result<ExitCode> {
    let (inputs, config) = (
        args.input.inputs(),
        args.input.known.config(!args.no_verify),
    );
    let mut selection = args.filter.filter.clone().map(Selection::new);
    let finished = pipeline::run(
        &inputs,
        config,
        Manner::default(),
        |datagram, record, frame| {
            if let Some(selection) = &mut selection {
                selection.offer(datagram, record, frame);
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    let mut out = stdout();
    let comments: Vec<String> = finished
        .capture
        .section_comments()
        .map(str::to_owned)
        .collect();
    let summary = CaptureSummary {
        counters: finished.capture.counters(),
        analyzer: &finished.analyzer,
        comments: &comments,
        selection: selection.as_ref(),
    };
    if args.json {
        write_stats_json(&mut out, &summary)?;
    } else {
        write_stats(&mut out, &summary, style(args.input.known.color))?;
    }
    out.flush()?;
    Ok(status(&finished))
}

fn verify(args: &VerifyArgs) -> Result<ExitCode> {
    let (inputs, config) = (args.input.inputs(), args.input.known.config(true));
    let mut failures: Vec<Failure> = Vec::new();
    let mut further = 0;
    let wanted = |swarm: &Swarm| is_wanted(swarm, args.swarm.as_deref());
    let finished = pipeline::run(&inputs, config, args.jobs.manner(), |_, record, _| {
        if !record.failures.is_empty() && record.swarm.is_some_and(wanted) {
            let room = MOST_FAILURES - failures.len();
            failures.extend(record.failures.iter().take(room));
            further += record.failures.len().saturating_sub(room) as u64;
        }
        Ok(ControlFlow::Continue(()))
    })?;
    let last = finished.failures.iter();
    failures.extend(last.filter(|failure| wanted(finished.analyzer.swarm(failure.swarm))));
    failures.sort_by_key(|failure| (failure.frame, failure.offset));
    let swarms: Vec<&Swarm> = finished.analyzer.swarms().filter(|s| wanted(s)).collect();
    if let Some(missing) = no_such_swarm(&swarms, args.swarm.as_deref()) {
        return Ok(missing);
    }
    let summary = VerificationSummary {
        analyzer: &finished.analyzer,
        swarms: &swarms,
        failures: &failures,
        further_failures: further,
    };
    let mut out = stdout();
    if args.json {
        write_verification_json(&mut out, &summary)?;
    } else {
        write_verification(&mut out, &summary, style(args.input.known.color))?;
    }
    out.flush()?;
    let read = status(&finished);
    if finished.faults().is_empty() && !summary.is_ok() {
        return Ok(ExitCode::from(BAD));
    }
    Ok(read)
}

fn extract(args: &ExtractArgs) -> Result<ExitCode> {
    let (inputs, config) = (args.input.inputs(), args.input.known.config(true));
    let mut extraction = Extraction::into(&args.output, args.force, args.unprotected)?;
    let finished = pipeline::run(
        &inputs,
        config,
        args.jobs.manner(),
        |datagram, record, _| {
            if let (Some(channel), Some(swarm)) = (record.channel, record.swarm)
                && is_wanted(swarm, args.swarm.as_deref())
            {
                extraction.take(datagram, record, channel.swarm)?;
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    extraction.settle(&finished.late);
    let swarms: Vec<&Swarm> = finished
        .analyzer
        .swarms()
        .filter(|swarm| is_wanted(swarm, args.swarm.as_deref()))
        .collect();
    if let Some(missing) = no_such_swarm(&swarms, args.swarm.as_deref()) {
        return Ok(missing);
    }
    let files = extraction.finish(|index| finished.analyzer.swarm(index))?;
    let mut out = stdout();
    write_extraction(&mut out, &files)?;
    out.flush()?;
    let held_back: u64 = swarms
        .iter()
        .filter_map(|swarm| swarm.verification.as_ref())
        .map(|found| found.unprotected().len())
        .sum();
    if held_back > 0 && !args.unprotected {
        complain(format_args!(
            "{held_back} chunks have no integrity protection; --unprotected extracts them, too"
        ));
    }
    Ok(status(&finished))
}

/// Whether a swarm's ID begins with these digits.
fn is_wanted(swarm: &Swarm, digits: Option<&str>) -> bool {
    digits.is_none_or(|digits| swarm.id_digits().starts_with(digits))
}

/// Complains where no swarm has the ID that was asked for.
fn no_such_swarm(swarms: &[&Swarm], digits: Option<&str>) -> Option<ExitCode> {
    let digits = digits.filter(|_| swarms.is_empty())?;
    complain(format_args!(
        "no swarm's ID begins with {digits}; `ppsp-inspect stats` lists those of the capture"
    ));
    Some(ExitCode::from(USAGE))
}

fn hash(args: &HashArgs) -> Result<ExitCode> {
    let (name, content, size): (_, Box<dyn Read>, _) = if args.file.as_os_str() == "-" {
        (
            "standard input".to_owned(),
            Box::new(io::stdin().lock()),
            None,
        )
    } else {
        let name = args.file.display().to_string();
        let file = File::open(&args.file).with_context(|| name.clone())?;
        let size = file.metadata().ok().map(|data| data.len());
        (name, Box::new(file), size)
    };
    let function = HashFunction::from(args.hash);
    let tree_hash = TreeHash::new(function).context("the hash function is unassigned")?;
    let mut progress = Progress::new(false);
    let hashed = hash_content(content, tree_hash, args.chunk_size as usize, |read| {
        progress.update(read, size);
    })
    .with_context(|| name.clone())?;
    progress.finish();
    let root = hashed
        .tree
        .root()
        .with_context(|| format!("{name}: is empty; content without chunks has no swarm ID"))?;
    let summary = ContentSummary {
        content: &hashed,
        root,
        function,
        chunk_size: args.chunk_size,
    };
    let mut out = stdout();
    let style = style(args.color);
    if args.json {
        write_content_json(&mut out, &summary)?;
    } else {
        write_content(&mut out, &summary, style)?;
    }
    if args.tree {
        if hashed.tree.chunks() > DRAWN_CHUNKS {
            out.flush()?;
            anyhow::bail!(
                "{name}: has {} chunks; only trees of {DRAWN_CHUNKS} at most are drawn, \
                 try a larger --chunk-size",
                hashed.tree.chunks()
            );
        }
        writeln!(out)?;
        write_content_tree(&mut out, &hashed, style)?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn findings(args: &FindingsArgs) -> Result<ExitCode> {
    let mut out = stdout();
    if args.json {
        write_catalogue_json(&mut out)?;
    } else {
        write_catalogue(&mut out, style(args.color))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

fn fields(args: &FieldsArgs) -> Result<ExitCode> {
    let mut out = stdout();
    if args.json {
        write_fields_json(&mut out)?;
    } else {
        write_fields(&mut out, style(args.color))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Tells the user. Where standard error is gone, too, nobody is left to hear it:
/// unlike `eprintln!`, that is no reason to panic.
fn complain(what: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr(), "ppsp-inspect: {what}");
}

/// Says what could not be read; the exit status tells it, too.
fn status(finished: &Finished) -> ExitCode {
    for fault in finished.faults() {
        complain(format_args!("{fault}"));
    }
    if finished.faults().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(UNREADABLE)
    }
}

fn stdout() -> BufWriter<StdoutLock<'static>> {
    BufWriter::with_capacity(OUTPUT_BUFFER, io::stdout().lock())
}

fn style(colour: ColorArg) -> Style {
    Style::new(is_coloured(colour))
}

/// Whether standard output is to be coloured.
fn is_coloured(colour: ColorArg) -> bool {
    match colour {
        ColorArg::Always => true,
        ColorArg::Never => false,
        ColorArg::Auto => {
            let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
            let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
            io::stdout().is_terminal() && !refused && !dumb
        }
    }
}

/// Whether the reader of our output has gone, as `head` does.
fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let io = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        let json = cause
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind);
        let capture = cause.downcast_ref::<CaptureError>().is_some();
        !capture && io.or(json) == Some(io::ErrorKind::BrokenPipe)
    })
}
