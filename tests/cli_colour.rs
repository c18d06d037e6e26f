//! Colour: on terminals that want it, and when it is asked for.

mod support;

use std::fs::{File, OpenOptions};
use std::io::Read as _;
use std::path::PathBuf;
use std::process::Stdio;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use support::program::{program, run};
use support::samples::sample;

const ESCAPE: char = '\u{1b}';

fn capture() -> PathBuf {
    sample("deviations")
}

fn commands() -> [Vec<&'static str>; 4] {
    [
        vec!["read"],
        vec!["read", "-V"],
        vec!["stats"],
        vec!["findings"],
    ]
}

/// The command line of a command on the capture, with these options.
fn arguments(command: &[&str], options: &[&str]) -> Vec<String> {
    let mut all: Vec<_> = command
        .iter()
        .chain(options)
        .map(ToString::to_string)
        .collect();
    if command != ["findings"] {
        all.push(capture().display().to_string());
    }
    all
}

/// What the program prints on a terminal.
fn on_a_terminal(arguments: &[String], environment: &[(&str, &str)]) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&ours).expect("granted");
    unlockpt(&ours).expect("unlocked");
    let name = ptsname(&ours, Vec::new()).expect("a name");
    let path = PathBuf::from(name.to_str().expect("a plain path"));
    let theirs = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .expect("opened");
    let mut command = program();
    command
        .env("TERM", "xterm-256color")
        .envs(environment.iter().copied());
    let mut child = command
        .args(arguments)
        .stdout(Stdio::from(theirs))
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    // Only the child must hold the other side, or there is no end.
    drop(command);
    let mut text = Vec::new();
    // Linux reports the end of a terminal as an error.
    let _ = File::from(ours).read_to_end(&mut text);
    assert!(child.wait().expect("it ends").success());
    String::from_utf8(text).expect("text")
}

#[test]
fn output_that_goes_elsewhere_has_no_colour() {
    for command in commands() {
        let text = run(arguments(&command, &[])).stdout;
        assert!(!text.contains(ESCAPE), "{command:?}");
    }
}

#[test]
fn colour_can_be_asked_for_and_refused() {
    for command in commands() {
        let plain = run(arguments(&command, &["--color", "never"])).stdout;
        let coloured = run(arguments(&command, &["--color", "always"])).stdout;
        assert!(
            !plain.contains(ESCAPE) && coloured.contains(ESCAPE),
            "{command:?}"
        );
        assert_eq!(
            without_escapes(&coloured),
            plain,
            "colour says nothing by itself"
        );
    }
}

#[test]
fn terminals_get_colour_unless_they_refuse_it() {
    for command in commands() {
        let automatic = arguments(&command, &[]);
        assert!(
            on_a_terminal(&automatic, &[]).contains(ESCAPE),
            "{command:?}"
        );
        for refusal in [("NO_COLOR", "1"), ("TERM", "dumb")] {
            let text = on_a_terminal(&automatic, &[refusal]);
            assert!(
                !text.is_empty() && !text.contains(ESCAPE),
                "{command:?} with {refusal:?}"
            );
        }
        let empty = on_a_terminal(&automatic, &[("NO_COLOR", "")]);
        assert!(empty.contains(ESCAPE), "an empty NO_COLOR refuses nothing");
        let asked = arguments(&command, &["--color", "always"]);
        assert!(on_a_terminal(&asked, &[("NO_COLOR", "1")]).contains(ESCAPE));
    }
}

#[test]
fn json_never_has_colour() {
    let path = capture().display().to_string();
    for arguments in [
        vec!["-T", "jsonl", "--color", "always", &path],
        vec!["stats", "--json", "--color", "always", &path],
        vec!["findings", "--json", "--color", "always"],
    ] {
        assert!(!run(arguments).fine().contains(ESCAPE));
    }
}

/// Text without colour codes.
fn without_escapes(text: &str) -> String {
    let mut parts = text.split(ESCAPE);
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').expect("a colour code").1);
    }
    plain
}
