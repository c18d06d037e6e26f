//! Peers as processes: seeders and leechers on loopback.
#![allow(dead_code, unreachable_pub)]

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::program::{Run, program, run};
use super::random::Random;

/// How long anything here may take.
const LONGEST: Duration = Duration::from_secs(120);

/// A peer that runs. Dropping it kills it.
pub struct Peer {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
    errors: Option<std::thread::JoinHandle<String>>,
    ended: bool,
}

impl Drop for Peer {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

impl Peer {
    /// Starts `peer` with these arguments in a folder.
    pub fn start<S: AsRef<OsStr>>(folder: &Path, arguments: impl IntoIterator<Item = S>) -> Self {
        Self::spawn(program().current_dir(folder).arg("peer").args(arguments))
    }

    /// Starts a command that is a peer.
    pub fn spawn(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut pipe = child.stderr.take().expect("a pipe");
        let errors = std::thread::spawn(move || {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text);
            text
        });
        Self {
            child,
            lines,
            errors: Some(errors),
            ended: false,
        }
    }

    /// The next line of its standard output.
    #[track_caller]
    pub fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("text");
        if line.is_empty() {
            let errors = self.errors.take().map(std::thread::JoinHandle::join);
            panic!("it ended: {errors:?}");
        }
        line
    }

    /// The same as JSON.
    #[track_caller]
    pub fn json(&mut self) -> Value {
        serde_json::from_str(&self.line()).expect("JSON")
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub fn interrupt(&self) {
        let mut kill = Command::new("kill");
        kill.args(["-INT", &self.child.id().to_string()]);
        assert!(kill.status().expect("kill runs").success());
    }

    /// Ends it without notice.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
        self.ended = true;
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("a process").is_some()
    }

    /// Waits until it ends.
    #[track_caller]
    pub fn end(mut self) -> Run {
        let mut stdout = String::new();
        let began = Instant::now();
        while self.child.try_wait().expect("a process").is_none() {
            // What it writes fits the pipe.
            assert!(began.elapsed() < LONGEST, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        self.ended = true;
        self.lines.read_to_string(&mut stdout).expect("text");
        let status = self.child.wait().expect("a status");
        let stderr = self.errors.take().map(|it| it.join().expect("text"));
        Run {
            status: status.code().expect("no signal"),
            stdout,
            stderr: stderr.unwrap_or_default(),
        }
    }

    /// Interrupts it and waits.
    #[track_caller]
    pub fn stop(self) -> Run {
        self.interrupt();
        self.end()
    }
}

/// A seeder and what it said of itself.
pub struct Seeder {
    pub peer: Peer,
    pub id: String,
    pub address: String,
}

impl Seeder {
    /// Seeds a file on a loopback address.
    #[track_caller]
    pub fn start(folder: &Path, file: &str, arguments: &[&str]) -> Self {
        let listens = arguments.contains(&"--listen");
        let mut all = vec!["seed", file, "--json"];
        all.extend_from_slice(arguments);
        if !listens {
            all.extend(["--listen", "127.0.0.1:0"]);
        }
        Self::of(Peer::start(folder, &all))
    }

    /// A seeder that was started with `--json`.
    #[track_caller]
    pub fn of(mut peer: Peer) -> Self {
        let said = peer.json();
        assert_eq!(said["event"], "seeding");
        let text = |name: &str| said[name].as_str().expect("text").to_owned();
        let (id, address) = (text("swarm"), text("listen"));
        Self { peer, id, address }
    }

    /// Arguments of a leecher from it.
    pub fn leech<'a>(&'a self, output: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        let mut all = vec!["leech", &self.id, "--from", &self.address, "-o", output];
        all.extend_from_slice(more);
        all
    }
}

/// Content of so many bytes.
pub fn content(seed: u64, length: usize) -> Vec<u8> {
    Random::new(seed).bytes(length)
}

/// Writes content into a folder.
pub fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, bytes).expect("written");
    path
}

/// What a recording, or several of one transfer, says to the analyzer: nothing
/// grave, and every chunk verified.
#[track_caller]
pub fn check_recording(recording: &Path, expected: &[u8]) {
    check_findings(recording);
    check_content(recording, expected);
}

/// The same without the findings.
#[track_caller]
pub fn check_content(recording: &Path, expected: &[u8]) {
    let verified = run([
        OsStr::new("verify"),
        OsStr::new("--json"),
        recording.as_os_str(),
    ])
    .json();
    assert_eq!(verified["ok"], true, "{verified}");
    assert_eq!(verified["swarms"][0]["complete"], true, "{verified}");
    let out = tempfile::tempdir().expect("a folder");
    let extract = [
        OsStr::new("extract"),
        OsStr::new("-o"),
        out.path().as_os_str(),
        recording.as_os_str(),
    ];
    run(extract).fine();
    let files = std::fs::read_dir(out.path()).expect("a folder");
    let content = files
        .map(|file| file.expect("a file").path())
        .find(|path| path.extension().is_some_and(|it| it == "content"))
        .expect("content");
    assert!(
        std::fs::read(content).expect("read") == expected,
        "another content"
    );
}

/// A recording has no finding of severity warning or above.
#[track_caller]
pub fn check_findings(recording: &Path) {
    check_findings_but(recording, &[]);
}

/// The same, with some that are to be expected.
#[track_caller]
pub fn check_findings_but(recording: &Path, expected: &[&str]) {
    let stats = run([
        OsStr::new("stats"),
        OsStr::new("--json"),
        recording.as_os_str(),
    ])
    .json();
    let found = stats["findings"].as_object().expect("findings");
    let is_grave = |id: &str| !is_note(id) && !expected.contains(&id);
    let grave: Vec<_> = found.iter().filter(|(id, _)| is_grave(id)).collect();
    assert!(grave.is_empty(), "{}: {grave:?}", recording.display());
    assert_eq!(stats["not_ppspp"], 0, "{stats}");
}

fn is_note(id: &str) -> bool {
    static CATALOGUE: OnceLock<Value> = OnceLock::new();
    let catalogue = CATALOGUE.get_or_init(|| run(["findings", "--json"]).json());
    let finding = catalogue
        .as_array()
        .expect("a list")
        .iter()
        .find(|finding| finding["id"] == id);
    finding.expect("it is in the catalogue")["severity"] == "note"
}

/// The datagrams of a recording as `read -T jsonl` tells them.
#[track_caller]
pub fn datagrams(recording: &Path) -> Vec<Value> {
    let words = ["read", "--no-verify", "-T", "jsonl"];
    let mut arguments: Vec<_> = words.iter().map(OsStr::new).collect();
    arguments.push(recording.as_os_str());
    run(arguments).json_lines()
}
