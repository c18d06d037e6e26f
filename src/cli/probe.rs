//! The command `probe`: which room does what. No logic of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::{ContentIntegrity, HashFunction};

use clap::ValueEnum as _;

use super::probe_args::{ProbeArgs, ProbeCommand};
use super::probe_serve::Serving;
use super::signals::before_the_end;
use super::{BAD, UNREADABLE, USAGE, complain, probe_matrix, stdout, style};
use crate::output::{
    Hex, ProbeSummary, write_case_line, write_cases, write_cases_json, write_probe,
    write_probe_html, write_probe_json, write_probe_junit, write_probe_markdown, write_target,
};
use crate::probe::serve::{Program, end_programs};
use crate::probe::{
    Case, CaseReport, Crew, Expectations, Known, Net, Patience, Plan, Report, Revive, Role,
    Selection, Swarm, UdpNet, UsedPorts, cases, find_hash, run, write_recording,
};

/// How long a target may take to start.
const START: Duration = Duration::from_secs(1);

/// Probes a target, or several.
pub(super) fn probe(args: &ProbeArgs) -> Result<ExitCode> {
    if let Some(ProbeCommand::Matrix(matrix)) = &args.command {
        return probe_matrix::run(matrix);
    }
    if args.list {
        return list(args);
    }
    let assignment = match Assignment::of(args) {
        Ok(assignment) => assignment,
        Err(complaint) => {
            complain(format_args!("{complaint}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let capture = args.write.as_deref();
    // A file that can't be written is better known before than after.
    let capture_file = created(capture)?;
    let junit_file = created(args.junit.as_deref())?;
    let markdown_file = created(args.markdown.as_deref())?;
    let html_file = created(args.html.as_deref())?;
    let mut plan = assignment.plan()?;
    let report = match assignment.work(&mut plan, &mut shown(args, &assignment)) {
        Ok(report) => report,
        Err(error) => {
            complain(format_args!("{error:#}"));
            return Ok(ExitCode::from(UNREADABLE));
        }
    };
    let summary = assignment.summary(&plan, &report);
    if let Some(file) = capture_file {
        record(file, args, &summary)?;
    }
    if let Some(mut file) = junit_file {
        write_probe_junit(&mut file, &summary).context("--junit")?;
    }
    if let Some(mut file) = markdown_file {
        write_probe_markdown(&mut file, &summary).context("--markdown")?;
    }
    if let Some(mut file) = html_file {
        write_probe_html(&mut file, &summary).context("--html")?;
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

/// Prints the cases.
fn list(args: &ProbeArgs) -> Result<ExitCode> {
    let swarm = args.swarm.as_ref().map(|id| swarm(args, &id.0)).transpose();
    let fetcher = match (args.serve, args.live) {
        (Some(_), true) => Some(Role::Viewer),
        (Some(_), false) => Some(Role::Leecher),
        (None, _) => None,
    };
    let found = swarm.and_then(|swarm| {
        let role = swarm.as_ref().map(Swarm::source).or(fetcher);
        selected(args, role)
    });
    let selected = match found {
        Ok(selected) => selected,
        Err(complaint) => {
            complain(format_args!("{complaint}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let mut out = stdout();
    if args.json {
        write_cases_json(&mut out, &selected)?;
    } else {
        write_cases(&mut out, &selected, style(args.color))?;
    }
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// The file of a report, empty.
pub(super) fn created(path: Option<&Path>) -> Result<Option<BufWriter<File>>> {
    let create = |path: &Path| {
        let file = File::create(path).with_context(|| path.display().to_string())?;
        Ok(BufWriter::new(file))
    };
    path.map(create).transpose()
}

/// Writes the capture of a probe.
pub(super) fn record(
    file: BufWriter<File>,
    args: &ProbeArgs,
    summary: &ProbeSummary<'_>,
) -> Result<()> {
    let comment = format!(
        "ppsp-inspect probe of {}, seed {}",
        summary.target, args.seed
    );
    write_recording(file, summary.report, &comment).context("-w")
}

/// What is to be done with a target, as far as the command line tells it.
#[derive(Debug)]
pub(super) struct Assignment<'a> {
    args: &'a ProbeArgs,
    /// How reports name the target.
    target: String,
    /// Where the target comes to us.
    serving: Option<Serving>,
    swarm: Swarm,
    role: Role,
    cases: Vec<&'static Case>,
    expectations: Expectations,
    command: String,
}

impl<'a> Assignment<'a> {
    /// What the command line asks for, or what is wrong with it.
    pub(super) fn of(args: &'a ProbeArgs) -> Result<Self, String> {
        let serving = match args.serve {
            Some(at) => Some(Serving::of(args, at).map_err(|error| format!("{error:#}"))??),
            None => None,
        };
        let (target, swarm, role) = match (&serving, &args.target, &args.swarm) {
            (Some(serving), ..) => {
                let swarm = serving.swarm.clone();
                let role = swarm.fetcher();
                (serving.name(args), swarm, role)
            }
            (None, Some(target), Some(id)) => {
                let swarm = swarm(args, &id.0)?;
                let role = swarm.source();
                (target.clone(), swarm, role)
            }
            _ => return Err("a target and --swarm are needed".to_owned()),
        };
        let known = args.expect.as_deref().map(expectations).transpose();
        Ok(Self {
            args,
            cases: selected(args, Some(role))?,
            command: command(args, &target),
            target,
            serving,
            swarm,
            role,
            expectations: known
                .map_err(|error| format!("{error:#}"))?
                .unwrap_or_default(),
        })
    }

    /// The plan, once the target's name has an address.
    pub(super) fn plan(&self) -> Result<Plan> {
        let args = self.args;
        Ok(Plan {
            target: match &self.serving {
                Some(serving) => serving.address,
                None => address(&self.target)?,
            },
            source: self.serving.as_ref().map(|it| Arc::clone(&it.source)),
            swarm: self.swarm.clone(),
            cases: self.cases.clone(),
            patience: Patience {
                mutation: Duration::from_secs_f64(args.mutate),
                ..Patience::of(Duration::from_secs_f64(args.timeout))
            },
            seed: args.seed,
            repeat: args.repeat,
            errata: args.errata.clone(),
            strict: args.strict,
        })
    }

    /// Runs the plan, and starts the target where that is wanted.
    ///
    /// # Errors
    /// Where the target can't be started, or nobody answers.
    pub(super) fn work(&self, plan: &mut Plan, tell: &mut Tell<'_>) -> Result<Report> {
        if self.args.exec.is_some() {
            before_the_end(end_programs)?;
        }
        if let Some(serving) = &self.serving {
            // Each case has it started anew.
            return self.run(plan, &|| serving.net(), &mut |_| true, tell);
        }
        let args = self.args;
        let mut started = match &args.exec {
            Some(command) => Some(Started::start(command, plan)?),
            None => None,
        };
        let used = UsedPorts::default();
        let target = plan.target;
        let towards = || UdpNet::beside(target, &used);
        if args.hash.is_none() && plan.swarm.integrity == ContentIntegrity::UnifiedMerkle {
            let found = find_hash(plan, &mut towards())?;
            if found != plan.swarm.hash_function {
                complain(format_args!(
                    "chunks verify with {found} and not with {}: the former it is (--hash tells it)",
                    plan.swarm.hash_function
                ));
                plan.swarm.hash_function = found;
            }
        }
        let mut revive = |_: &mut UdpNet| {
            started = started.take().and_then(|it| it.restart().ok());
            started.is_some()
        };
        self.run(plan, &towards, &mut revive, tell)
    }

    fn run<N: Net>(
        &self,
        plan: &Plan,
        net: &(dyn Fn() -> N + Sync),
        revive: Revive<'_, N>,
        tell: &mut Tell<'_>,
    ) -> Result<Report> {
        let crew = NonZeroUsize::new(self.args.jobs.into())
            .filter(|jobs| jobs.get() > 1)
            .map(|jobs| Crew { jobs, net });
        let mut tell = |known: &Known, case: &CaseReport| tell(&plan.swarm, known, case);
        Ok(run(plan, &mut net(), crew.as_ref(), revive, &mut tell)?)
    }

    /// What came of it.
    pub(super) fn summary<'b>(&'b self, plan: &'b Plan, report: &'b Report) -> ProbeSummary<'b> {
        ProbeSummary {
            target: &self.target,
            swarm: &plan.swarm,
            role: self.role,
            report,
            expectations: &self.expectations,
            command: &self.command,
            capture: self.args.write.as_deref(),
        }
    }
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

/// The cases that are wanted, of a target in a role; or that there are none.
fn selected(args: &ProbeArgs, role: Option<Role>) -> Result<Vec<&'static Case>, String> {
    let selection = Selection {
        include: args.cases.clone(),
        exclude: args.exclude.clone(),
        levels: args.level.iter().map(|&level| level.into()).collect(),
        slow: args.slow || args.list,
    };
    let selected: Vec<&'static Case> = cases()
        .filter(|case| match role {
            // The list is of all, unless a swarm tells what the target is.
            None => selection.names(case),
            Some(role) => selection.wants(case, role),
        })
        .collect();
    if selected.is_empty() {
        return Err("no case is selected; `ppsp-inspect probe --list` prints all, --slow adds those that take minutes".to_owned());
    }
    Ok(selected)
}

/// Who is told of each case that is done.
pub(super) type Tell<'a> = dyn FnMut(&Swarm, &Known, &CaseReport) + 'a;

/// Prints each case that is done, and before the first one who was met.
fn shown(args: &ProbeArgs, assignment: &Assignment<'_>) -> impl FnMut(&Swarm, &Known, &CaseReport) {
    let style = style(args.color);
    let mut met = false;
    // For programs, people see how far it is all the same.
    let progress = args.json && io::stderr().is_terminal();
    move |swarm, known, case| {
        let mut line = Vec::new();
        if !std::mem::replace(&mut met, true) {
            let _ = write_target(&mut line, &assignment.target, swarm, known, style);
        }
        let _ = write_case_line(&mut line, case, &assignment.expectations, style);
        // Nobody may be left to read it.
        let _ = if progress {
            io::stderr().write_all(&line)
        } else if args.json {
            Ok(())
        } else {
            io::stdout().write_all(&line)
        };
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
    if args.live {
        command.push_str(" --live");
    }
    if let Some(key) = &args.key {
        let _ = write!(command, " --key {}", key.display());
    }
    if let Some(algorithm) = args.algorithm.and_then(|it| it.to_possible_value()) {
        let _ = write!(command, " --algorithm {}", algorithm.get_name());
    }
    if args.per_signature != 32 {
        let _ = write!(command, " --per-signature {}", args.per_signature);
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
    if args.mutate > 0.0 {
        let _ = write!(command, " --mutate {}", args.mutate);
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
    program: Program,
}

impl Started {
    fn start(template: &str, plan: &Plan) -> Result<Self> {
        let command = template
            .replace("{addr}", &plan.target.to_string())
            .replace("{swarm}", &Hex(&plan.swarm.id).to_string());
        Self::launch(command)
    }

    fn launch(command: String) -> Result<Self> {
        let program = Program::start(&command, Stdio::null(), None)
            .with_context(|| format!("--exec {command}"))?;
        let mut started = Self { command, program };
        started.settle()?;
        Ok(started)
    }

    /// Lets it come up.
    fn settle(&mut self) -> Result<()> {
        let began = Instant::now();
        while began.elapsed() < START {
            if let Some(status) = self.program.status()? {
                bail!("--exec {}: it has ended at once, {status}", self.command);
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// Starts it again.
    fn restart(self) -> Result<Self> {
        let Self { command, program } = self;
        // Its address has to be free.
        drop(program);
        Self::launch(command)
    }
}
