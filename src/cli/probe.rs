//! The command `probe`: which room does what. No logic of its own.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{self, BufWriter, IsTerminal as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::num::NonZeroUsize;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use ppspp_dissector::wire::{ContentIntegrity, HashFunction};

use super::probe_args::ProbeArgs;
use super::{BAD, UNREADABLE, USAGE, complain, stdout, style};
use crate::output::{
    Hex, ProbeSummary, write_case_line, write_cases, write_cases_json, write_probe,
    write_probe_html, write_probe_json, write_probe_junit, write_probe_markdown, write_target,
};
use crate::probe::{
    Case, Crew, Expectations, Patience, Plan, Report, Role, Selection, Swarm, UdpNet, cases, run,
    write_recording,
};

/// How long a target may take to start.
const START: Duration = Duration::from_secs(1);

/// Probes a target.
pub(super) fn probe(args: &ProbeArgs) -> Result<ExitCode> {
    let selected = selected(args);
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
    let (Some(name), Some(id)) = (&args.target, &args.swarm) else {
        bail!("a target and --swarm are needed");
    };
    let by_length = HashFunction::from_length(id.0.len());
    let function = args.hash.map(HashFunction::from).or(by_length);
    let Some(function) = function.filter(|it| it.length() == Some(id.0.len())) else {
        complain(format_args!(
            "a swarm ID of {} bytes is no root hash; static content has one of 20, 28, 32, 48 or 64",
            id.0.len()
        ));
        return Ok(ExitCode::from(USAGE));
    };
    let swarm = Swarm {
        id: id.0.clone(),
        integrity: ContentIntegrity::Merkle,
        hash_function: function,
        addressing: args.addressing.into(),
        chunk_size: args.chunk_size,
    };
    let expectations = match args.expect.as_deref().map(expectations).transpose() {
        Ok(expectations) => expectations.unwrap_or_default(),
        Err(error) => {
            complain(format_args!("{error:#}"));
            return Ok(ExitCode::from(USAGE));
        }
    };
    let target = address(name)?;
    let plan = Plan {
        target,
        source: None,
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
    let Some(report) = work(args, &plan, &expectations)? else {
        return Ok(ExitCode::from(UNREADABLE));
    };
    let command = command(args, name);
    let summary = ProbeSummary {
        target: name,
        swarm: &plan.swarm,
        role: Role::Seeder,
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

/// The cases that are wanted.
fn selected(args: &ProbeArgs) -> Vec<&'static Case> {
    let selection = Selection {
        include: args.cases.clone(),
        exclude: args.exclude.clone(),
        levels: args.level.iter().map(|&level| level.into()).collect(),
        slow: args.slow || args.list,
    };
    cases()
        .filter(|case| {
            // The list is of all.
            let is_listed = args.list && selection.names(case);
            is_listed || selection.wants(case, Role::Seeder)
        })
        .collect()
}

/// Runs the plan, tells of each case; nothing where nobody answers.
fn work(args: &ProbeArgs, plan: &Plan, expectations: &Expectations) -> Result<Option<Report>> {
    let mut child = match &args.exec {
        Some(command) => Some(Started::start(command, plan)?),
        None => None,
    };
    let mut net = UdpNet::towards(plan.target);
    let style = style(args.color);
    let mut met = false;
    // For programs, people see how far it is all the same.
    let progress = args.json && io::stderr().is_terminal();
    let mut revive = |_: &mut UdpNet| match &mut child {
        Some(child) => child.restart().is_ok(),
        None => false,
    };
    let towards = || UdpNet::towards(plan.target);
    let crew = NonZeroUsize::new(args.jobs.into())
        .filter(|jobs| jobs.get() > 1)
        .map(|jobs| Crew {
            jobs,
            net: &towards,
        });
    let result = run(
        plan,
        &mut net,
        crew.as_ref(),
        &mut revive,
        &mut |known, case| {
            let mut line = Vec::new();
            if !std::mem::replace(&mut met, true) {
                let _ = write_target(
                    &mut line,
                    args.target.as_deref().unwrap_or_default(),
                    &plan.swarm,
                    known,
                    style,
                );
            }
            let _ = write_case_line(&mut line, case, expectations, style);
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
        Ok(report) => Ok(Some(report)),
        Err(error) => {
            complain(format_args!("{error}"));
            Ok(None)
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
    let mut command = format!("ppsp-inspect probe {target}");
    if let Some(id) = &args.swarm {
        let _ = write!(command, " --swarm {}", Hex(&id.0));
    }
    if args.chunk_size != 1024 {
        let _ = write!(command, " --chunk-size {}", args.chunk_size);
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
        let child = spawn(&command)?;
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

fn spawn(command: &str) -> Result<Child> {
    // The shell becomes the target, so that it is the target that we end.
    Command::new("sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("--exec {command}"))
}
