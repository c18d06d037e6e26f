//! The terminal UI in a pseudo-terminal, as its users have it: it opens, shows every
//! view, and leaves the terminal as it was, whatever ends it.

mod support;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::num::NonZeroU16;
use std::os::fd::AsFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use support::program::program;
use support::samples::{real_captures, sample, samples};

/// How long anything may take: machines may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

const CTRL_C: &str = "\u{3}";
const CTRL_L: &str = "\u{c}";
const ESCAPE: &str = "\u{1b}";

/// The program on a terminal.
struct Session {
    ours: Option<File>,
    theirs: File,
    before: Termios,
    child: Child,
    output: Receiver<Vec<u8>>,
    vanished: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
    screen: vt100::Parser,
}

impl Session {
    fn start(arguments: &[&str], stdin: Option<Stdio>) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)
            .expect("a terminal");
        grantpt(&ours).expect("granted");
        unlockpt(&ours).expect("unlocked");
        let name = ptsname(&ours, Vec::new()).expect("a name");
        let path = PathBuf::from(name.to_str().expect("a plain path"));
        let theirs = || {
            let mut options = OpenOptions::new();
            options.read(true).write(true).open(&path).expect("opened")
        };
        let kept = theirs();
        set_size(&kept, 24, 80);
        let before = tcgetattr(&kept).expect("attributes");
        let terminal = theirs();
        let mut command = program();
        command
            .args(arguments)
            .env("TERM", "xterm-256color")
            .env("LC_ALL", "C.UTF-8")
            .env("XDG_CONFIG_HOME", "/nowhere")
            .stdin(stdin.unwrap_or_else(|| Stdio::from(theirs())))
            .stdout(Stdio::from(theirs()))
            .stderr(Stdio::from(theirs()));
        // SAFETY: between fork and exec only these two system calls are made, which
        // are async-signal-safe; a terminal of its own can't be had otherwise.
        #[allow(unsafe_code)]
        unsafe {
            command.pre_exec(move || {
                setsid()?;
                ioctl_tiocsctty(terminal.as_fd())?;
                Ok(())
            });
        }
        let child = command.spawn().expect("it starts");
        drop(command);
        let ours = File::from(ours);
        let mut reader = ours.try_clone().expect("a second handle");
        let (sender, output) = channel();
        let vanished = Arc::new(AtomicBool::new(false));
        let over = Arc::clone(&vanished);
        let reading = std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            let while_idle = Timespec {
                tv_sec: 0,
                tv_nsec: 20_000_000,
            };
            while !over.load(Ordering::Relaxed) {
                let mut ready = [PollFd::new(&reader, PollFlags::IN)];
                if poll(&mut ready, Some(&while_idle)).expect("polled") == 0 {
                    continue;
                }
                // Linux reports the end of a terminal as an error.
                match reader.read(&mut buffer) {
                    Ok(count @ 1..) if sender.send(buffer[..count].to_vec()).is_ok() => {}
                    _ => break,
                }
            }
        });
        Self {
            ours: Some(ours),
            theirs: kept,
            before,
            child,
            output,
            vanished,
            reading: Some(reading),
            screen: vt100::Parser::new(lines(24), lines(80), 0),
        }
    }

    fn on(capture: &Path) -> Self {
        Self::start(&[capture.to_str().expect("a plain path")], None)
    }

    fn types(&mut self, keys: &str) {
        let mut terminal = self.ours.as_ref().expect("a terminal");
        terminal.write_all(keys.as_bytes()).expect("typed");
    }

    fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    fn waits(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !is_so(&self.text()) {
            assert!(begin.elapsed() < PATIENCE, "no {what}:\n{}", self.text());
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
            }
        }
    }

    #[track_caller]
    fn shows(&mut self, wanted: &str) {
        self.waits(wanted, |text| text.contains(wanted));
    }

    /// Waits for the end.
    #[track_caller]
    fn ends(&mut self) -> ExitStatus {
        let begin = Instant::now();
        loop {
            while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(20)) {
                self.screen.process(&bytes);
            }
            if let Some(status) = self.child.try_wait().expect("it can be asked") {
                return status;
            }
            assert!(begin.elapsed() < PATIENCE, "it does not end");
        }
    }

    /// Whether the terminal is as it was before.
    #[track_caller]
    fn is_restored(&self) {
        let screen = self.screen.screen();
        assert!(!screen.alternate_screen(), "the alternate screen is left");
        assert!(!screen.hide_cursor(), "the cursor is shown");
        let mouse = screen.mouse_protocol_mode();
        assert_eq!(mouse, vt100::MouseProtocolMode::None);
        let now = tcgetattr(&self.theirs).expect("attributes");
        assert_eq!(now.local_modes, self.before.local_modes);
        assert_eq!(now.input_modes, self.before.input_modes);
        assert_eq!(now.output_modes, self.before.output_modes);
    }

    #[track_caller]
    fn quits(&mut self) {
        self.types("q");
        let status = self.ends();
        assert!(status.success(), "{status}\n{}", self.text());
        self.is_restored();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("not zero")
}

fn set_size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("a size");
}

#[test]
fn every_capture_opens_shows_all_views_and_quits() {
    for (name, path) in samples().into_iter().chain(real_captures()) {
        let mut session = Session::on(&path);
        session.shows("6 Findings");
        session.waits("the end of reading", |text| !text.contains("reading"));
        let (first, _) = session.text().split_once('\n').map_or_else(
            || (session.text(), String::new()),
            |(first, rest)| (first.to_owned(), rest.to_owned()),
        );
        assert!(first.contains("datagrams"), "{name}: {first}");
        // Ctrl-L after the digit, so that it need not wait for another one.
        for (view, sign) in [
            ("2", "✓verified"),
            ("3", "latency"),
            ("4", "Initiator"),
            ("5", ""),
            ("6", ""),
            ("1", "Messages"),
        ] {
            session.types(&format!("{view}{CTRL_L}jjGgg"));
            session.waits(sign, |text| text.contains(sign) && text.contains("help"));
        }
        session.quits();
    }
}

#[test]
fn what_the_title_says_is_what_stats_says() {
    for (name, path) in samples() {
        let path = path.to_str().expect("a plain path");
        let stats = support::program::run(["stats", "--json", path]).json();
        let mut session = Session::start(&[path], None);
        let datagrams = format!("{} datagrams", stats["datagrams"]);
        session.shows(&datagrams);
        let swarms = stats["swarms"].as_array().expect("swarms").len();
        session.shows(&format!("{swarms} swarms"));
        let sum = |verdict: &str| -> u64 {
            let swarms = stats["swarms"].as_array().expect("swarms").iter();
            swarms
                .map(|swarm| swarm["chunks"][verdict].as_u64().unwrap_or(0))
                .sum()
        };
        // The title counts copies of chunks, `stats` the chunks.
        let title = session.text();
        let title = title.lines().next().expect("a title").to_owned();
        let verified = title.split('✓').nth(1).expect("a count");
        let verified = verified.split(' ').next().expect("a number");
        let verified: u64 = verified.parse().expect("a number");
        assert!(verified >= sum("verified"), "{name}: {title}");
        session.quits();
    }
}

#[test]
fn every_way_to_end_gives_the_terminal_back() {
    let path = sample("deviations");
    let mut session = Session::on(&path);
    session.shows("40 datagrams");
    session.types(CTRL_C);
    assert!(session.ends().success());
    session.is_restored();

    for signal in [Signal::TERM, Signal::HUP, Signal::INT] {
        let mut session = Session::on(&path);
        session.shows("40 datagrams");
        let id = Pid::from_child(&session.child);
        kill_process(id, signal).expect("sent");
        session.ends();
        session.is_restored();
    }
}

#[test]
fn a_terminal_that_vanishes_ends_it_quietly() {
    let mut session = Session::on(&sample("deviations"));
    session.shows("40 datagrams");
    session.vanished.store(true, Ordering::Relaxed);
    let reading = session.reading.take().expect("a thread");
    reading.join().expect("it ends");
    session.ours = None;
    session.ends();
}

#[test]
fn windows_of_any_size_are_drawn() {
    let mut session = Session::on(&sample("live-unified-merkle"));
    session.shows("help");
    for (rows, columns) in [(1, 1), (2, 200), (60, 3), (5, 10), (60, 200)] {
        set_size(&session.theirs, rows, columns);
        session
            .screen
            .screen_mut()
            .set_size(lines(rows), lines(columns));
        for view in ["1", "2", "3", "4", "5", "6"] {
            session.types(&format!("{view}{CTRL_L}\r{ESCAPE}"));
        }
    }
    // What comes at once after an escape is taken together with it.
    session.types(&format!("{CTRL_L}{CTRL_L}1{CTRL_L}"));
    session.waits("a screen that uses the window", |text| {
        text.contains("Messages") && text.lines().count() > 24
    });
    session.quits();
}

#[test]
fn a_pipe_is_shown_while_it_is_written_to() {
    let bytes = std::fs::read(sample("deviations")).expect("a capture");
    let (reader, mut writer) = std::io::pipe().expect("a pipe");
    let mut session = Session::start(&["-"], Some(Stdio::from(reader)));
    let (half, rest) = bytes.split_at(bytes.len() / 2);
    writer.write_all(half).expect("written");
    session.shows("datagrams");
    session.waits("reading", |text| {
        text.contains("reading,") && !text.contains(" 0 datagrams")
    });
    session.types("j");
    session.waits("the second line", |text| {
        text.lines()
            .any(|line| line.starts_with('>') && line.contains("0.020000"))
    });
    session.types(":pause\r");
    session.shows("PAUSED, 0 came");
    writer.write_all(rest).expect("written");
    // What comes meanwhile is counted without a key.
    session.waits("how many came meanwhile", |text| {
        text.contains("PAUSED, ") && !text.contains("PAUSED, 0 came")
    });
    session.types(":pause\r");
    session.shows("40 datagrams");
    // It ends although the pipe goes on.
    session.quits();
    drop(writer);
}

#[test]
fn text_comes_out_where_it_is_asked_for() {
    let path = sample("rfc-8.16-hello");
    let path = path.to_str().expect("a plain path");
    for arguments in [vec!["read", path], vec!["-V", path], vec!["-c", "2", path]] {
        let mut session = Session::start(&arguments, None);
        assert!(session.ends().success());
        assert!(session.text().contains("HANDSHAKE"), "{arguments:?}");
        session.is_restored();
    }
}

#[test]
fn a_configuration_is_taken_or_its_mistake_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config.toml");
    let path = sample("deviations");
    let (file_name, path) = (file.to_str().expect("plain"), path.to_str().expect("plain"));
    std::fs::write(&file, "ascii = true\n[keys]\nquit = \"Q\"\n").expect("written");
    let mut session = Session::start(&["--config", file_name, path], None);
    session.shows("Q quit");
    assert!(session.text().is_ascii(), "{}", session.text());
    session.types("q");
    session.types("Q");
    assert!(session.ends().success());
    std::fs::write(&file, "[keys]\nquit = \"j\"\n").expect("written");
    let mut session = Session::start(&["--config", file_name, path], None);
    assert_eq!(session.ends().code(), Some(2));
    assert!(session.text().contains("bound twice"), "{}", session.text());
}

#[test]
fn the_printed_configuration_is_one() {
    let printed = support::program::run(["--print-config"]).fine();
    assert!(printed.contains("[keys]") && printed.contains("quit = "));
}
