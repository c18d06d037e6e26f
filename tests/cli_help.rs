//! The help: as it was reviewed, and its examples work.

mod support;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use support::capture_writer::{Compression, File, Recipe};
use support::certificates;
use support::program::{Run, program, run, run_with_input};
use support::samples::{ip_packets, sample};
use support::transfer::{Peer, Seeder};

/// In this order: the keys that some examples write are read by later ones.
const COMMANDS: [&[&str]; 23] = [
    &[],
    &["read"],
    &["stats"],
    &["verify"],
    &["extract"],
    &["hash"],
    &["findings"],
    &["fields"],
    &["requirements"],
    &["peer"],
    &["peer", "keygen"],
    &["peer", "id"],
    &["peer", "seed"],
    &["peer", "leech"],
    &["peer", "inject"],
    &["peer", "view"],
    &["probe"],
    &["probe", "matrix"],
    &["simulate"],
    &["live"],
    &["interfaces"],
    &["completions"],
    &["man"],
];

fn help_of(command: &[&str], option: &str) -> String {
    run(command.iter().chain(&[option])).fine()
}

#[test]
fn help_is_as_it_was_reviewed() {
    for command in COMMANDS {
        let name = match command {
            [] => "program".to_owned(),
            words => words.join("_"),
        };
        insta::assert_snapshot!(format!("{name}_short"), help_of(command, "-h"));
        insta::assert_snapshot!(format!("{name}_long"), help_of(command, "--help"));
    }
}

/// The command lines under "Examples:", without what is said of them.
fn examples(help: &str) -> Vec<String> {
    let (_, rest) = help.split_once("Examples:\n").expect("examples");
    let lines = rest.lines().take_while(|line| !line.is_empty());
    lines
        .filter(|line| !line.starts_with("   "))
        .map(|line| {
            let line = line.trim_start();
            line.split_once("  ")
                .map_or(line, |(command, _)| command)
                .trim()
                .to_owned()
        })
        .collect()
}

/// Words of a command line as a shell splits it, a list for each part of a
/// pipeline.
fn pipeline(line: &str) -> Vec<Vec<String>> {
    let mut parts = vec![vec![]];
    let (mut word, mut quoted) = (String::new(), false);
    // What is written to a file is looked at as it comes.
    let line = line.split_once(" > ").map_or(line, |(command, _)| command);
    for character in line.chars().chain([' ']) {
        match character {
            '\'' => quoted = !quoted,
            '|' if !quoted => parts.push(vec![]),
            ' ' if !quoted => {
                if !word.is_empty() {
                    let part = parts.last_mut().expect("a part");
                    part.push(std::mem::take(&mut word));
                }
            }
            other => word.push(other),
        }
    }
    parts
}

/// Writes the captures that the examples name.
fn write_captures(folder: &Path) {
    let packets = ip_packets(&sample("merkle-sha256-seven-chunks"));
    let legacy = ip_packets(&sample("legacy-swift"));
    let plain = Recipe::default();
    let with = |file, compression| Recipe {
        file,
        compression,
        ..Recipe::default()
    };
    let half = packets.len() / 2;
    let scenarios = folder.join("scenarios");
    fs::create_dir(&scenarios).expect("a new folder");
    for name in ["swarm.toml", "lossy.toml"] {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios");
        fs::copy(from.join(name), scenarios.join(name)).expect("a scenario");
    }
    let files = [
        ("video.mp4", vec![7; 100_000]),
        (
            "recording.ts",
            (0..40_000u32)
                .flat_map(|n| format!("{n:07}\n").into_bytes())
                .collect(),
        ),
        ("first.iso", vec![1; 5_000]),
        ("second.iso", vec![2; 5_000]),
        ("capture.pcap", plain.write_ip(&packets)),
        (
            "capture.pcapng.gz",
            with(File::PCAPNG, Compression::Gzip).write_ip(&packets),
        ),
        (
            "capture.pcap.zst",
            with(File::PCAP, Compression::Zstd).write_ip(&packets),
        ),
        ("seeder.pcap", plain.write_ip(&packets[..half])),
        ("leecher.pcap", plain.write_ip(&packets[half..])),
        ("late.pcap", plain.write_ip(&legacy[3..])),
        (
            "old.pcap.gz",
            with(File::PCAP, Compression::Gzip).write_ip(&packets),
        ),
    ];
    for (name, content) in files {
        fs::write(folder.join(name), content).expect("written");
    }
    let issuer = certificates::pem(
        &certificates::Statement::issuer("CN=tracker"),
        &certificates::key(1),
    );
    fs::write(folder.join("tracker.pem"), issuer).expect("written");
}

/// Runs the program's part of an example; what stands before it is played by
/// the tests, as neither tcpdump nor zcat is everywhere.
fn run_example(folder: &Path, parts: &[Vec<String>]) -> Run {
    let at = parts
        .iter()
        .position(|part| part[0] == "ppsp-inspect")
        .expect("the program itself");
    let before = parts[..at].first().map(|part| part[0].as_str());
    let arguments = &parts[at][1..];
    match arguments {
        [peer, seed, ..] if peer == "peer" && seed == "seed" => {
            return run_seeder(folder, &arguments[1..]);
        }
        [peer, leech, ..] if peer == "peer" && leech == "leech" => {
            return run_leecher(&arguments[1..]);
        }
        [peer, inject, ..] if peer == "peer" && inject == "inject" => {
            return run_injector(folder, &arguments[1..]);
        }
        [peer, view, ..] if peer == "peer" && view == "view" => {
            return run_viewer(folder, &arguments[1..]);
        }
        [probe, serve, ..] if probe == "probe" && serve == "--serve" => {
            return run_serve(folder, arguments);
        }
        [probe, target, ..] if probe == "probe" && !target.starts_with('-') => {
            return run_probe(folder, arguments);
        }
        [live, ..] if live == "live" => return run_sniffer(arguments),
        _ => {}
    }
    match before {
        None => Run::of(
            program()
                .current_dir(folder)
                .args(arguments)
                .output()
                .expect("it starts"),
        ),
        Some("head") => run_with_input(arguments, vec![7; 7162]),
        Some("tcpdump" | "zcat") => run_with_input(
            arguments,
            fs::read(folder.join("capture.pcap")).expect("a capture"),
        ),
        Some(other) => panic!("the tests don't know how to play {other}"),
    }
}

/// Runs an example that seeds until it has said where, and stops it. It gets a
/// port that is free.
fn run_seeder(folder: &Path, arguments: &[String]) -> Run {
    let mut arguments = arguments.to_vec();
    for argument in &mut arguments {
        if argument.ends_with(":6778") {
            "127.0.0.1:0".clone_into(argument);
        }
    }
    let mut peer = Peer::start(folder, &arguments);
    let said = peer.line();
    let run = peer.stop();
    Run {
        stdout: said + &run.stdout,
        ..run
    }
}

/// Runs an example that fetches, from a seeder of the same dialect.
fn run_leecher(arguments: &[String]) -> Run {
    let (there, here) = (
        tempfile::tempdir().expect("a folder"),
        tempfile::tempdir().expect("a folder"),
    );
    let content = vec![7; 100_000];
    fs::write(there.path().join("content"), &content).expect("written");
    let dialect = arguments.iter().position(|it| it == "--dialect");
    let dialect = dialect.map_or("rfc7574", |at| &arguments[at + 1]);
    let seeder = Seeder::start(there.path(), "content", &["--dialect", dialect]);
    let mut all = arguments.to_vec();
    let from = all.iter().enumerate().filter(|(_, it)| *it == "--from");
    for place in from.map(|(at, _)| at + 1).collect::<Vec<_>>() {
        all[place].clone_from(&seeder.address);
    }
    for argument in &mut all {
        if argument == "SWARM-ID" {
            argument.clone_from(&seeder.id);
        }
    }
    let peer = Peer::start(here.path(), &all);
    let file = here.path().join("video.mp4");
    let is_there = || fs::read(&file).is_ok_and(|bytes| bytes == content);
    let keeps = all.iter().any(|it| it == "--keep");
    for _ in 0..3_000 {
        if !keeps || is_there() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    let run = if keeps { peer.stop() } else { peer.end() };
    assert!(is_there(), "{arguments:?}: {run:?}");
    // What happened is told on standard error.
    Run {
        stdout: run.stdout + &run.stderr,
        stderr: String::new(),
        ..run
    }
}

/// Runs an example that streams, to nobody, until the stream has ended.
fn run_injector(folder: &Path, arguments: &[String]) -> Run {
    let mut all = arguments.to_vec();
    for argument in &mut all {
        if argument.ends_with(":6778") {
            "127.0.0.1:0".clone_into(argument);
        }
    }
    all.extend(["--linger", "0"].map(str::to_owned));
    let stream = fs::File::open(folder.join("recording.ts")).expect("a stream");
    let mut command = program();
    command.current_dir(folder).arg("peer").args(&all);
    Run::of(command.stdin(stream).output().expect("it starts"))
}

/// An injector of a recording, its ID and its address.
fn injector(
    folder: &Path,
    dialect: &str,
    hash: &str,
    protection: &[&str],
) -> (Peer, String, String) {
    let arguments = [
        "inject",
        "recording.ts",
        "--pace",
        "200K",
        "--linger",
        "1",
        "--listen",
        "127.0.0.1:0",
        "--dialect",
        dialect,
        "--hash",
        hash,
    ];
    let mut injector = Peer::start(folder, arguments.iter().chain(protection));
    let said = injector.line();
    let (id, address) = said.trim().split_once("  on ").expect("ID and address");
    let (id, address) = (id.to_owned(), address.to_owned());
    (injector, id, address)
}

/// Runs an example that probes the source of a live stream.
fn run_live_probe(folder: &Path, arguments: &[String]) -> Run {
    let is_old = arguments.iter().any(|it| it == "sha1");
    let hash = if is_old { "sha1" } else { "sha256" };
    let (_injector, id, address) = injector(folder, "rfc7574", hash, &["--key", "live.pem"]);
    let mut all = arguments.to_vec();
    all[1] = address;
    for argument in &mut all {
        if argument == "PUBLIC-KEY" {
            id.clone_into(argument);
        }
    }
    all.extend(["--case", "7.1", "--timeout", "0.3"].map(str::to_owned));
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    run_in(folder, &all)
}

/// Runs an example that watches, from an injector of the same dialect.
fn run_viewer(folder: &Path, arguments: &[String]) -> Run {
    let here = tempfile::tempdir().expect("a folder");
    let option = |name: &str, otherwise: &str| {
        let at = arguments.iter().position(|it| it == name);
        at.map_or(otherwise.to_owned(), |at| arguments[at + 1].clone())
    };
    let (dialect, hash) = (option("--dialect", "rfc7574"), option("--hash", "sha256"));
    // Without protection there is no key, and an ID that anybody may choose.
    let protection = match option("--integrity", "unified-merkle").as_str() {
        "none" => ["--integrity", "none", "--swarm-id", "00c0ffee"].as_slice(),
        _ => &["--key", "live.pem"],
    };
    let (peer, id, address) = injector(folder, &dialect, &hash, protection);
    let mut all = arguments.to_vec();
    for place in 0..all.len() {
        if all[place] == "SWARM-ID" {
            id.clone_into(&mut all[place]);
        } else if place > 0 && all[place - 1] == "--from" {
            address.clone_into(&mut all[place]);
        }
    }
    let mut viewer = program();
    viewer.current_dir(here.path()).arg("peer").args(&all);
    let run = Run::of(viewer.output().expect("it starts"));
    assert_eq!(peer.end().status, 0);
    let written = match arguments.iter().position(|it| it == "-o") {
        Some(at) => fs::read(here.path().join(&arguments[at + 1])).expect("the stream"),
        None => run.stdout.clone().into_bytes(),
    };
    let whole = fs::read(folder.join("recording.ts")).expect("the stream");
    assert!(!written.is_empty() && whole.ends_with(&written), "{run:?}");
    Run {
        stdout: run.stdout + &run.stderr,
        stderr: String::new(),
        ..run
    }
}

/// Runs an example that probes, a few cases of it, on a seeder of ours.
fn run_probe(folder: &Path, arguments: &[String]) -> Run {
    if arguments.get(1).is_some_and(|it| it == "matrix") {
        return run_matrix(folder, arguments);
    }
    if arguments.iter().any(|it| it == "PUBLIC-KEY") {
        return run_live_probe(folder, arguments);
    }
    let mut seeder = Peer::start(folder, ["seed", "video.mp4", "--listen", "127.0.0.1:0"]);
    let said = seeder.line();
    let (id, rest) = said.split_once(' ').expect("an ID");
    let address = rest.trim().rsplit(' ').next().expect("an address");
    let starts = arguments.iter().any(|it| it == "--exec");
    let mut all = arguments.to_vec();
    for argument in &mut all {
        match argument.as_str() {
            "HOST:PORT" => address.clone_into(argument),
            "ID" => id.clone_into(argument),
            exec => {
                if let Some(rest) = exec.strip_prefix("ppsp-inspect ") {
                    let state = folder.join("exec-state");
                    fs::create_dir_all(&state).expect("a folder");
                    *argument = format!(
                        "{} {rest} --state-dir {}",
                        env!("CARGO_BIN_EXE_ppsp-inspect"),
                        state.display()
                    );
                }
            }
        }
    }
    if !arguments.iter().any(|it| it == "--case") {
        all.extend(["--case", "7.1"].map(str::to_owned));
    }
    all.extend(["--timeout", "0.3"].map(str::to_owned));
    if starts {
        // The target has the address then.
        assert_eq!(seeder.stop().status, 0);
    }
    let run = program().current_dir(folder).args(&all).output();
    Run::of(run.expect("it starts"))
}

/// Runs an example that probes a leecher or a viewer, a few cases of it: one of ours,
/// whichever it names, which we start where the example does not.
fn run_serve(folder: &Path, arguments: &[String]) -> Run {
    let leech = format!(
        "{} peer leech {{swarm}} --from {{addr}}",
        env!("CARGO_BIN_EXE_ppsp-inspect")
    );
    let (mut all, mut is_started) = (arguments.to_vec(), false);
    for place in 1..all.len() {
        if all[place - 1] == "--exec" {
            is_started = true;
            if arguments.iter().any(|it| it == "--live") {
                all[place] = leech.replace(" leech ", " view ") + " --hash {hash}";
                continue;
            }
            let output = ["{output}", "{folder}"]
                .into_iter()
                .find(|it| all[place].contains(it))
                .expect("somewhere to write");
            all[place] = match output {
                "{folder}" => format!("{leech} -o {{folder}}/content"),
                _ => format!("{leech} -o {{output}}"),
            };
        } else if all[place].ends_with(":7000") {
            "127.0.0.1".clone_into(&mut all[place]);
        }
    }
    all.extend(["--case", "7.1/opening*", "--case", "3.7/asks"].map(str::to_owned));
    if is_started {
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        return run_in(folder, &all);
    }
    let mut command = program();
    command.current_dir(folder).args(&all);
    let mut prober = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it starts");
    // It says on standard error for whom it waits, once for each case.
    let invitations = BufReader::new(prober.stderr.take().expect("a pipe"));
    let mut errors = String::new();
    let mut leechers: Vec<Peer> = Vec::new();
    for line in invitations.lines().map(|line| line.expect("text")) {
        let Some((_, invitation)) = line.split_once("waiting for a leecher of swarm ") else {
            errors += &line;
            continue;
        };
        let (id, address) = invitation.split_once(" at ").expect("where");
        let output = format!("leeched-{}", leechers.len());
        leechers.clear();
        leechers.push(Peer::start(
            folder,
            ["leech", id, "--from", address, "-o", &output, "--force"],
        ));
    }
    let run = Run::of(prober.wait_with_output().expect("it ends"));
    Run {
        stderr: errors,
        ..run
    }
}

/// Runs an example that probes several targets, of which there is one.
fn run_matrix(folder: &Path, arguments: &[String]) -> Run {
    let hash = run_in(folder, &["hash", "--json", "video.mp4"]).json();
    let state = folder.join("matrix-state");
    fs::create_dir_all(&state).expect("a folder");
    let targets = format!(
        "[[targets]]\nname = \"ours\"\nswarm = {}\ncase = [\"7.1\"]\n\
         exec = \"{} peer seed video.mp4 --listen {{addr}} --state-dir {}\"\n",
        hash["swarm_id"],
        env!("CARGO_BIN_EXE_ppsp-inspect"),
        state.display()
    );
    fs::write(folder.join("targets.toml"), targets).expect("written");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run_in(folder, &arguments)
}

fn run_in(folder: &Path, arguments: &[&str]) -> Run {
    let run = program().current_dir(folder).args(arguments).output();
    Run::of(run.expect("it starts"))
}

/// Runs an example that captures, on the loopback interface while a file is
/// fetched over it.
fn run_sniffer(arguments: &[String]) -> Run {
    let here = tempfile::tempdir().expect("a folder");
    fs::write(here.path().join("content"), vec![7; 20_000]).expect("written");
    let seeder = Seeder::start(here.path(), "content", &[]);
    let port = seeder
        .address
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    let mut all = arguments.to_vec();
    for place in 1..all.len() {
        if all[place - 1] == "-i" {
            "lo".clone_into(&mut all[place]);
        } else if all[place - 1] == "-a" {
            "duration:2".clone_into(&mut all[place]);
        }
        all[place] = all[place].replace("6778", &port);
    }
    if !all.contains(&"-a".to_owned()) {
        all.extend(["-a", "duration:2"].map(str::to_owned));
    }
    let mut command = program();
    command.current_dir(here.path()).args(&all);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let sniffer = command.spawn().expect("it starts");
    // Long enough for it to begin, short enough to be seen in its time.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let leech = Peer::start(here.path(), seeder.leech("got", &[]));
    assert_eq!(leech.end().status, 0);
    let run = Run::of(sniffer.wait_with_output().expect("it ends"));
    if run.status == 3 && run.stderr.contains("privileges") {
        eprintln!("skipped: this process may not capture");
        return Run {
            status: 0,
            stdout: run.stderr,
            stderr: String::new(),
        };
    }
    // What was counted is told on standard error.
    assert!(run.stderr.contains("packets captured"), "{run:?}");
    Run {
        stdout: run.stdout + &run.stderr,
        stderr: String::new(),
        ..run
    }
}

/// Gives what the program printed to jq, where that is installed.
fn filter(part: &[String], input: &str) -> Option<String> {
    assert_eq!(part[0], "jq", "the tests don't know how to play {part:?}");
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("input");
    fs::write(&path, input).expect("written");
    let output = Command::new("jq")
        .args(&part[1..])
        .stdin(Stdio::from(fs::File::open(path).expect("opened")))
        .output()
        .ok()?;
    assert!(output.status.success(), "{part:?}: {output:?}");
    Some(String::from_utf8(output.stdout).expect("text"))
}

#[test]
fn every_example_works() {
    let folder = tempfile::tempdir().expect("a folder");
    write_captures(folder.path());
    let mut count = 0;
    for command in COMMANDS {
        for line in examples(&help_of(command, "--help")) {
            println!("{line}");
            let parts = pipeline(&line);
            let text = run_example(folder.path(), &parts).fine();
            assert!(!text.is_empty(), "{line} prints nothing");
            if let [.., last] = parts.as_slice()
                && last[0] == "jq"
            {
                let filtered = filter(last, &text);
                assert!(
                    filtered.is_none_or(|text| !text.is_empty()),
                    "{line} finds nothing"
                );
            }
            count += 1;
        }
    }
    assert!(count >= 12, "{count} examples");
}

#[test]
fn the_short_and_the_long_help_have_the_same_examples() {
    for command in COMMANDS {
        assert_eq!(
            examples(&help_of(command, "-h")),
            examples(&help_of(command, "--help"))
        );
    }
}
