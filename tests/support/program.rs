//! Running the program as its users do.
#![allow(dead_code, unreachable_pub)]

use std::ffi::OsStr;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// What a run of the program left.
#[derive(Debug)]
pub struct Run {
    pub status: i32,
    pub stdout: String,
    pub stderr: String,
}

/// The program, without what the tester's environment would tell it.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ppsp-inspect"));
    for name in ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM"] {
        command.env_remove(name);
    }
    command.stdin(Stdio::null());
    command
}

/// Runs the program with these arguments.
pub fn run<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Run {
    Run::of(program().args(arguments).output().expect("it starts"))
}

/// The same, with something to read on standard input.
pub fn run_with_input<S: AsRef<OsStr>>(
    arguments: impl IntoIterator<Item = S>,
    input: Vec<u8>,
) -> Run {
    let mut child = program()
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || {
        // A program that has seen enough closes the pipe.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("the writer ends");
    Run::of(output)
}

impl Run {
    pub fn of(output: Output) -> Self {
        Self {
            status: output.status.code().expect("it ends by itself"),
            stdout: String::from_utf8(output.stdout).expect("text"),
            stderr: String::from_utf8(output.stderr).expect("text"),
        }
    }

    /// The arguments that repeat the first failure of a probe, as they were told.
    #[track_caller]
    pub fn again(&self) -> &str {
        let mut lines = self.stdout.lines();
        lines
            .find_map(|line| line.trim().strip_prefix("again     ppsp-inspect "))
            .expect("a command")
    }

    /// Runs that.
    #[track_caller]
    pub fn run_again(&self) -> Run {
        // What stands in quotation marks is one argument, and the others have none.
        let parts = self.again().split('\'').enumerate();
        run(parts.flat_map(|(place, part)| match place % 2 {
            0 => part.split_whitespace().collect(),
            _ => vec![part],
        }))
    }

    /// Standard output of a run in which all was fine.
    #[track_caller]
    pub fn fine(self) -> String {
        assert_eq!((self.status, self.stderr.as_str()), (0, ""), "{self:?}");
        self.stdout
    }

    /// The same, as one JSON value.
    #[track_caller]
    pub fn json(self) -> Value {
        serde_json::from_str(&self.fine()).expect("JSON")
    }

    /// The same, as a JSON value a line.
    #[track_caller]
    pub fn json_lines(self) -> Vec<Value> {
        self.fine()
            .lines()
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect()
    }
}
