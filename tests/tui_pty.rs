//! The terminal UI in a pseudo-terminal, as its users have it: it opens, shows every
//! view, and leaves the terminal as it was, whatever ends it.

mod support;

use std::io::Write as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use support::samples::{real_captures, sample, samples};
use support::terminal::{CTRL_C, CTRL_L, ESCAPE, Session};

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
    session.vanishes();
    session.ends();
}

#[test]
fn windows_of_any_size_are_drawn() {
    let mut session = Session::on(&sample("live-unified-merkle"));
    session.shows("help");
    for (rows, columns) in [(1, 1), (2, 200), (60, 3), (5, 10), (60, 200)] {
        session.resizes(rows, columns);
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
