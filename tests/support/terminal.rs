//! The program on a pseudo-terminal.
#![allow(dead_code, unreachable_pub)]

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
use rustix::process::{ioctl_tiocsctty, setsid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};

use super::program::program;

/// How long anything may take: machines may be busy.
const PATIENCE: Duration = Duration::from_secs(30);

pub const CTRL_C: &str = "\u{3}";
pub const CTRL_L: &str = "\u{c}";
pub const ESCAPE: &str = "\u{1b}";

/// The program on a terminal.
pub struct Session {
    ours: Option<File>,
    pub theirs: File,
    before: Termios,
    pub child: Child,
    output: Receiver<Vec<u8>>,
    vanished: Arc<AtomicBool>,
    reading: Option<JoinHandle<()>>,
    pub screen: vt100::Parser,
}

impl Session {
    pub fn start(arguments: &[&str], stdin: Option<Stdio>) -> Self {
        Self::start_with(arguments, stdin, &std::env::temp_dir())
    }

    /// The same, with a folder for temporary files.
    pub fn start_with(arguments: &[&str], stdin: Option<Stdio>, temporary: &Path) -> Self {
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
            .env("TMPDIR", temporary)
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

    pub fn on(capture: &Path) -> Self {
        Self::start(&[capture.to_str().expect("a plain path")], None)
    }

    pub fn types(&mut self, keys: &str) {
        let mut terminal = self.ours.as_ref().expect("a terminal");
        terminal.write_all(keys.as_bytes()).expect("typed");
    }

    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// Waits until the screen is as it should be.
    #[track_caller]
    pub fn waits(&mut self, what: &str, is_so: impl Fn(&str) -> bool) {
        let begin = Instant::now();
        while !is_so(&self.text()) {
            assert!(begin.elapsed() < PATIENCE, "no {what}:\n{}", self.text());
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(50)) {
                self.screen.process(&bytes);
            }
        }
    }

    #[track_caller]
    pub fn shows(&mut self, wanted: &str) {
        self.waits(wanted, |text| text.contains(wanted));
    }

    /// Waits for the end.
    #[track_caller]
    pub fn ends(&mut self) -> ExitStatus {
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
    pub fn is_restored(&self) {
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

    /// Takes the terminal away.
    pub fn vanishes(&mut self) {
        self.vanished.store(true, Ordering::Relaxed);
        let reading = self.reading.take().expect("a thread");
        reading.join().expect("it ends");
        self.ours = None;
    }

    /// Makes the window as large as that.
    pub fn resizes(&mut self, rows: u16, columns: u16) {
        set_size(&self.theirs, rows, columns);
        self.screen
            .screen_mut()
            .set_size(lines(rows), lines(columns));
    }

    #[track_caller]
    pub fn quits(&mut self) {
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

pub fn lines(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).expect("not zero")
}

pub fn set_size(terminal: &File, rows: u16, columns: u16) {
    let size = Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).expect("a size");
}
