//! `peer` without integrity protection, through the program.

mod support;

use std::fs;
use std::path::Path;

use support::program::{Run, run};
use support::transfer::{Peer, Seeder, check_findings_but, content, write};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn leech(folder: &Path, seeder: &Seeder, more: &[&str]) -> Run {
    Peer::start(folder, seeder.leech("copy", more)).end()
}

#[test]
fn what_pyppspp_would_share_matches_its_swarm_id() {
    let folder = folder();
    let here = folder.path();
    for length in [300_001, 100 * 1024] {
        let bytes = content(1, length);
        write(here, "file", &bytes);
        let seeder = Seeder::start(here, "file", &["--dialect", "pyppspp", "--force"]);
        let root = run([
            "hash",
            "--json",
            "--hash",
            "sha1",
            &format!("{}/file", here.display()),
        ]);
        assert_eq!(root.json()["swarm_id"], seeder.id.as_str());
        let more = ["--dialect", "pyppspp", "--force", "-w", "own.pcapng"];
        let run = leech(here, &seeder, &more);
        assert_eq!(run.status, 0, "{run:?}");
        assert!(run.stderr.contains("content matches swarm ID"), "{run:?}");
        assert!(fs::read(here.join("copy")).expect("there") == bytes);
        // Single acknowledgements, as that implementation wants them.
        check_findings_but(&here.join("own.pcapng"), &["ack.interval-not-biggest"]);
        let more = ["--dialect", "pyppspp", "--force", "--json"];
        let said = leech(here, &seeder, &more).json_lines();
        let compared = said.iter().find(|it| it["event"] == "compared");
        assert_eq!(compared.expect("it says so")["matches"], true);
        assert_eq!(seeder.peer.stop().status, 0);
    }
}

#[test]
fn a_name_that_is_no_hash_vouches_for_nothing() {
    let folder = folder();
    let here = folder.path();
    let bytes = content(2, 70_000);
    write(here, "file", &bytes);
    let seeding = ["--integrity", "none", "--swarm-id", "c0ffee"];
    let seeder = Seeder::start(here, "file", &seeding);
    assert_eq!(seeder.id, "c0ffee");
    let run = leech(here, &seeder, &["--integrity", "none", "-w", "own.pcapng"]);
    assert_eq!(run.status, 0, "{run:?}");
    let says = "a swarm ID of 3 bytes is no root hash: nothing vouches for the content";
    assert!(run.stderr.contains(says), "{run:?}");
    assert!(fs::read(here.join("copy")).expect("there") == bytes);
    check_findings_but(&here.join("own.pcapng"), &[]);
}

#[test]
fn content_that_does_not_match_a_hash_is_said_to_be_doubtful() {
    let folder = folder();
    let here = folder.path();
    let bytes = content(3, 70_000);
    write(here, "file", &bytes);
    let id = "5a".repeat(20);
    let seeder = Seeder::start(here, "file", &["--integrity", "none", "--swarm-id", &id]);
    let run = leech(here, &seeder, &["--integrity", "none"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("does not match swarm ID"), "{run:?}");
    // It is kept all the same: who knows better may use it.
    assert!(fs::read(here.join("copy")).expect("there") == bytes);
}

#[test]
fn full_chunks_alone_need_their_length_and_a_wrong_one_does_not_end_well() {
    let folder = folder();
    let here = folder.path();
    let bytes = content(4, 50 * 1024);
    write(here, "file", &bytes);
    let seeding = ["--integrity", "none", "--swarm-id", "c0ffee"];
    let seeder = Seeder::start(here, "file", &seeding);
    let none = ["--integrity", "none", "--patience", "2"];
    let run = leech(here, &seeder, &none);
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr.contains("the same command with --size 51200"),
        "{run:?}"
    );
    // What is there is enough.
    let id = seeder.id.clone();
    let from = seeder.address.clone();
    seeder.peer.kill();
    let again = [
        "leech", &id, "--from", &from, "-o", "copy", "--size", "51200",
    ];
    let run = Peer::start(here, again.iter().chain(&none)).end();
    assert_eq!(run.status, 0, "{run:?}");
    assert!(fs::read(here.join("copy")).expect("there") == bytes);

    // Another length is not believed, neither of what is there nor of what comes.
    let mut other = again;
    other[7] = "51000";
    let run = Peer::start(here, other.iter().chain(&none)).end();
    assert_eq!(run.status, 3, "{run:?}");
    assert!(
        run.stderr
            .contains("with its last chunk the content has 51200"),
        "{run:?}"
    );
    let seeder = Seeder::start(here, "file", &seeding);
    let more = [&none[..], &["--size", "51000"]].concat();
    let run = Peer::start(here, seeder.leech("another", &more)).end();
    assert_eq!(run.status, 3, "{run:?}");
    assert!(run.stderr.contains("it sent a wrong chunk"), "{run:?}");
}

#[test]
fn a_stream_without_signatures_is_watched() {
    let folder = folder();
    let here = folder.path();
    let bytes = content(5, 400_000);
    write(here, "stream", &bytes);
    let mut injector = Peer::start(
        here,
        [
            "inject",
            "stream",
            "--integrity",
            "none",
            "--swarm-id",
            "c0ffee",
            "--pace",
            "300K",
            "--linger",
            "2",
            "--listen",
            "127.0.0.1:0",
            "--json",
        ],
    );
    let said = injector.json();
    assert_eq!(said["swarm"], "c0ffee");
    let from = said["listen"].as_str().expect("an address").to_owned();
    let view = [
        "view",
        "c0ffee",
        "--from",
        &from,
        "--integrity",
        "none",
        "-o",
        "seen",
        "--patience",
        "3",
        "-w",
        "own.pcapng",
    ];
    let run = Peer::start(here, view).end();
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(injector.end().status, 0);
    let seen = fs::read(here.join("seen")).expect("there");
    assert!(
        seen.len() > bytes.len() / 2 && bytes.ends_with(&seen),
        "{}",
        seen.len()
    );
    // The analyzer takes what nothing protects for static content.
    let expected = ["handshake.discard-window-static"];
    check_findings_but(&here.join("own.pcapng"), &expected);
}

#[test]
fn what_does_not_go_together_is_refused_with_a_reason() {
    let folder = folder();
    let here = folder.path();
    write(here, "file", b"content");
    let id = "5a".repeat(20);
    let leech = ["leech", &id, "--from", "127.0.0.1:9", "-o", "copy"];
    let with = |base: &[&str], more: &[&str]| {
        let run = Peer::start(here, base.iter().chain(more)).end();
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run:?}");
        run.stderr
    };
    let says = |text: &str, part: &str| assert!(text.contains(part), "{part}: {text}");
    says(
        &with(&leech, &["--size", "5"]),
        "--size is for --integrity none",
    );
    says(
        &with(&leech, &["--dialect", "pyppspp", "--chunk-size", "512"]),
        "PyPPSPP knows nothing but --chunk-size 1024",
    );
    for size in ["variable", "4294967295"] {
        says(
            &with(&leech, &["--chunk-size", size]),
            "chunks of variable sizes",
        );
    }
    let seed = ["seed", "file"];
    says(
        &with(&seed, &["--swarm-id", "c0ffee"]),
        "--swarm-id is for --integrity none",
    );
    let both = ["seed", "file", "file"];
    says(
        &with(&both, &["--integrity", "none", "--swarm-id", "c0ffee"]),
        "several files are several",
    );
    let inject = ["inject", "file"];
    says(&with(&inject, &[]), "`peer keygen` makes one");
    says(
        &with(&inject, &["--integrity", "none"]),
        "--swarm-id names a stream",
    );
    says(
        &with(
            &inject,
            &["--integrity", "none", "--swarm-id", "c0", "--key", "k.pem"],
        ),
        "--key signs nothing",
    );
}
