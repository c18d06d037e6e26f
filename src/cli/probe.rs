//! The command `probe`: which room does what. No logic of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, ExitCode};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::{ContentIntegrity, HashFunction};

use clap::ValueEnum as _;

use super::probe_args::ProbeArgs;
use super::probe_serve::Serving;
use super::{BAD, UNREADABLE, USAGE, complain, stdout, style};
use crate::output::{
    Hex, ProbeSummary, write_case_line, write_cases, write_cases_json, write_probe,
    write_probe_html, write_probe_json, write_probe_junit, write_probe_markdown, write_target,
};
use crate::probe::serve::spawn;
use crate::probe::{
    Case, Crew, Expectations, Net, Patience, Plan, Report, Revive, Role, Selection, Swarm, UdpNet,
    cases, run, write_recording,
};

/// How long a target may take to start.
const START: Duration = Duration::from_secs(1);

/// Probes a target.
pub(super) fn probe(args: &ProbeArgs) -> Result<ExitCode> {
    let swarm = match args.swarm.as_ref().map(|id| swarm(args, &id.0)).transpose() {
        Ok(swarm) => swarm,
        Err(complaint) => {
            complain(format_args!("{complaint}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let serving = match args.serve.map(|at| Serving::of(args, at)).transpose()? {
        Some(Err(complaint)) => {
            complain(format_args!("{complaint}"));
            return Ok(ExitCode::from(USAGE));
        }
        Some(Ok(serving)) => Some(serving),
        None => None,
    };
    let role = match &serving {
        Some(_) => Some(Role::Leecher),
        None => swarm.as_ref().map(Swarm::source),
    };
    let selected = selected(args, role);
    if selected.is_empty() {
        complain(format_args!(
            "no case is selected; `ppsp-inspect probe --list` prints all, --slow adds those that take minutes"
        ));
        return Ok(ExitCode::from(USAGE));
    }
    if args.list {
        let mut out = stdout();
        if args.json {
            write_cases_json(&mut out, &selected)?;
        } else {
            write_cases(&mut out, &selected, style(args.color))?;
        }
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    }
    let swarm = serving.as_ref().map(|it| it.swarm.clone()).or(swarm);
    let named = serving.as_ref().map(|it| it.name(args));
    let (Some(name), Some(swarm)) = (named.as_ref().or(args.target.as_ref()), swarm) else {
        bail!("a target and --swarm are needed");
    };
    let expectations = match args.expect.as_deref().map(expectations).transpose() {
        Ok(expectations) => expectations.unwrap_or_default(),
        Err(error) => {
            complain(format_args!("{error:#}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let target = match &serving {
        Some(serving) => serving.address,
        None => address(name)?,
    };
    let plan = Plan {
        target,
        source: serving.as_ref().map(|it| Arc::clone(&it.source)),
        swarm,
        cases: selected,
        patience: Patience::of(Duration::from_secs_f64(args.timeout)),
        seed: args.seed,
        repeat: args.repeat,
        errata: args.errata.clone(),
        strict: args.strict,
    };
    let capture = args.write.as_deref();
    // A file that can't be written is better known before than after.
    let files = [
        capture,
        args.junit.as_deref(),
        args.markdown.as_deref(),
        args.html.as_deref(),
    ];
    let files: Vec<File> = files
        .into_iter()
        .flatten()
        .map(|path| File::create(path).with_context(|| format!("{}", path.display())))
        .collect::<Result<_>>()?;
    let mut files = files.into_iter();
    let (capture_file, junit_file, markdown_file, html_file) = (
        capture.and_then(|_| files.next()),
        args.junit.as_ref().and_then(|_| files.next()),
        args.markdown.as_ref().and_then(|_| files.next()),
        args.html.as_ref().and_then(|_| files.next()),
    );
    let told = Told {
        args,
        plan: &plan,
        name,
        expectations: &expectations,
    };
    let report = match &serving {
        Some(serving) => told.serve(serving),
        None => told.connect()?,
    };
    let Some(report) = report else {
        return Ok(ExitCode::from(UNREADABLE));
    };
    let command = command(args, name);
    let summary = ProbeSummary {
        target: name,
        swarm: &plan.swarm,
        role: role.unwrap_or(plan.swarm.source()),
        report: &report,
        expectations: &expectations,
        command: &command,
        capture,
    };
    if let Some(file) = capture_file {
        let comment = format!("ppsp-inspect probe of {name}, seed {}", args.seed);
        write_recording(BufWriter::new(file), &report, &comment).context("-w")?;
    }
    if let Some(file) = junit_file {
        write_probe_junit(&mut BufWriter::new(file), &summary).context("--junit")?;
    }
    if let Some(file) = markdown_file {
        write_probe_markdown(&mut BufWriter::new(file), &summary).context("--markdown")?;
    }
    if let Some(file) = html_file {
        write_probe_html(&mut BufWriter::new(file), &summary).context("--html")?;
    }
    let mut out = stdout();
    if args.json {
        write_probe_json(&mut out, &summary)?;
    } else {
        write_probe(&mut out, &summary, style(args.color))?;
    }
    out.flush()?;
    Ok(if summary.conforms() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(BAD)
    })
}

/// The swarm that an ID names: of static content, whose root hash it is, or of a
/// live stream, whose public key it is. Or what is wrong.
fn swarm(args: &ProbeArgs, id: &[u8]) -> Result<Swarm, String> {
    let by_length = HashFunction::from_length(id.len());
    let given = args.hash.map(HashFunction::from);
    let live = args.integrity.map(ContentIntegrity::from);
    let key = PublicKey::from_swarm_id(id);
    let swarm = |integrity, hash_function| Swarm {
        id: id.to_vec(),
        integrity,
        hash_function,
        addressing: args.addressing.into(),
        chunk_size: args.chunk_size,
    };
    if live.is_none() && (by_length.is_some() || key.is_err()) {
        let fitting = given.or(by_length);
        return match fitting.filter(|it| it.length() == Some(id.len())) {
            Some(function) => Ok(swarm(ContentIntegrity::Merkle, function)),
            None => Err(format!(
                "a swarm ID of {} bytes is no root hash; static content has one of 20, 28, 32, 48 or 64, and a live stream's is the key that `peer id` prints",
                id.len()
            )),
        };
    }
    if let Err(error) = key {
        return Err(format!(
            "--swarm: {error}; a live stream's is what `peer keygen` or `peer id` prints"
        ));
    }
    let integrity = live.unwrap_or(ContentIntegrity::UnifiedMerkle);
    if !integrity.is_live() {
        return Err("--integrity none: a target that protects nothing is not probed".to_owned());
    }
    Ok(swarm(integrity, given.unwrap_or(HashFunction::Sha256)))
}

/// The cases that are wanted, of a target in a role.
fn selected(args: &ProbeArgs, role: Option<Role>) -> Vec<&'static Case> {
    let selection = Selection {
        include: args.cases.clone(),
        exclude: args.exclude.clone(),
        levels: args.level.iter().map(|&level| level.into()).collect(),
        slow: args.slow || args.list,
    };
    cases()
        .filter(|case| match role {
            // The list is of all, unless a swarm tells what the target is.
            None => selection.names(case),
            Some(role) => selection.wants(case, role),
        })
        .collect()
}

/// A probe, and what people are told of it.
#[derive(Clone, Copy)]
struct Told<'a> {
    args: &'a ProbeArgs,
    plan: &'a Plan,
    name: &'a str,
    expectations: &'a Expectations,
}

impl Told<'_> {
    /// Probes a target that serves; nothing where nobody answers.
    fn connect(self) -> Result<Option<Report>> {
        let mut child = match &self.args.exec {
            Some(command) => Some(Started::start(command, self.plan)?),
            None => None,
        };
        let mut revive = |_: &mut UdpNet| match &mut child {
            Some(child) => child.restart().is_ok(),
            None => false,
        };
        let towards = || UdpNet::towards(self.plan.target);
        Ok(self.work(&towards, &mut revive))
    }

    /// Probes a target that comes to us; nothing where it does not.
    fn serve(self, serving: &Serving) -> Option<Report> {
        // Each case has it started anew.
        self.work(&|| serving.net(), &mut |_| true)
    }

    /// Runs the plan, tells of each case.
    fn work<N: Net>(self, net: &(dyn Fn() -> N + Sync), revive: Revive<'_, N>) -> Option<Report> {
        let Self { args, .. } = self;
        let style = style(args.color);
        let mut met = false;
        // For programs, people see how far it is all the same.
        let progress = args.json && io::stderr().is_terminal();
        let crew = NonZeroUsize::new(args.jobs.into())
            .filter(|jobs| jobs.get() > 1)
            .map(|jobs| Crew { jobs, net });
        let result = run(
            self.plan,
            &mut net(),
            crew.as_ref(),
            revive,
            &mut |known, case| {
                let mut line = Vec::new();
                if !std::mem::replace(&mut met, true) {
                    let swarm = &self.plan.swarm;
                    let _ = write_target(&mut line, self.name, swarm, known, style);
                }
                let _ = write_case_line(&mut line, case, self.expectations, style);
                // Nobody may be left to read it.
                let _ = if progress {
                    io::stderr().write_all(&line)
                } else if args.json {
                    Ok(())
                } else {
                    io::stdout().write_all(&line)
                };
            },
        );
        match result {
            Ok(report) => Some(report),
            Err(error) => {
                complain(format_args!("{error}"));
                None
            }
        }
    }
}

fn expectations(path: &Path) -> Result<Expectations> {
    let name = || format!("--expect {}", path.display());
    let text = fs::read_to_string(path).with_context(name)?;
    Expectations::parse(&text).with_context(name)
}

fn address(name: &str) -> Result<SocketAddr> {
    let mut found = name.to_socket_addrs().with_context(|| {
        format!("{name}: this is no HOST:PORT that can be resolved; check the name, or give an IP address and a port")
    })?;
    found
        .next()
        .with_context(|| format!("{name}: the name has no address"))
}

/// The command that runs the same again, but for the cases.
fn command(args: &ProbeArgs, target: &str) -> String {
    let mut command = "ppsp-inspect probe".to_owned();
    if let Some(at) = args.serve {
        let _ = match at.port() {
            0 => write!(command, " --serve {}", at.ip()),
            _ => write!(command, " --serve {at}"),
        };
    } else {
        let _ = write!(command, " {target}");
    }
    if let Some(content) = &args.content {
        let _ = write!(command, " --content {}", content.display());
    }
    if let Some(id) = &args.swarm {
        let _ = write!(command, " --swarm {}", Hex(&id.0));
    }
    if args.chunk_size != 1024 {
        let _ = write!(command, " --chunk-size {}", args.chunk_size);
    }
    if let Some(integrity) = args.integrity.and_then(|it| it.to_possible_value()) {
        let _ = write!(command, " --integrity {}", integrity.get_name());
    }
    if let Some(hash) = args.hash.and_then(|it| it.to_possible_value()) {
        let _ = write!(command, " --hash {}", hash.get_name());
    }
    if args.addressing != super::args::AddressingArg::Chunk32 {
        let method = ppspp_dissector::wire::ChunkAddressing::from(args.addressing);
        let _ = write!(command, " --addressing {method}");
    }
    if (args.timeout - 1.0).abs() > f64::EPSILON {
        let _ = write!(command, " --timeout {}", args.timeout);
    }
    for erratum in &args.errata {
        let _ = write!(command, " --errata {erratum}");
    }
    if args.seed != 1 {
        let _ = write!(command, " --seed {}", args.seed);
    }
    if let Some(exec) = &args.exec {
        let _ = write!(command, " --exec '{}'", exec.replace('\'', r"'\''"));
    }
    command
}

/// A target that we have started, and end.
#[derive(Debug)]
struct Started {
    command: String,
    child: Child,
}

impl Started {
    fn start(template: &str, plan: &Plan) -> Result<Self> {
        let command = template
            .replace("{addr}", &plan.target.to_string())
            .replace("{swarm}", &Hex(&plan.swarm.id).to_string());
        let child = spawn(&command).with_context(|| format!("--exec {command}"))?;
        let mut started = Self { command, child };
        started.settle()?;
        Ok(started)
    }

    /// Lets it come up.
    fn settle(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < START {
            if let Some(status) = self.child.try_wait()? {
                bail!("--exec {}: it has ended at once, {status}", self.command);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    fn restart(&mut self) -> Result<()> {
        self.stop();
        self.child = spawn(&self.command)?;
        self.settle()
    }

    fn stop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        self.stop();
    }
}
