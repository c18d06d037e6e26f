//! `live` and `interfaces`, through the binary, on the loopback interface. They
//! need the right to capture; where that is lacking they say that they are
//! skipped.

#[path = "support/mod.rs"]
mod support;

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::program::{program, run};
use support::transfer::{Peer, Seeder, content, write};

/// `live` on loopback with these arguments, writing into files of a folder.
struct Live {
    child: Child,
    folder: std::path::PathBuf,
}

impl Live {
    /// Starts it and waits until it captures; `None` where it may not.
    fn start(folder: &Path, arguments: &[&str]) -> Option<Self> {
        let file = |name: &str| Stdio::from(File::create(folder.join(name)).expect("a file"));
        let mut live = Self {
            child: program()
                .current_dir(folder)
                // So that the end of a first capture can be told.
                .args(["live", "-i", "lo", "--keep-privileges", "-w", "own.pcapng"])
                .args(arguments)
                .stdout(file("stdout"))
                .stderr(file("stderr"))
                .spawn()
                .expect("it starts"),
            folder: folder.to_owned(),
        };
        let begin = Instant::now();
        while !live.has_begun() {
            if let Some(status) = live.child.try_wait().expect("a process") {
                let told = live.read("stderr");
                assert!(told.contains("privileges"), "{status}: {told}");
                eprintln!("skipped: this process may not capture");
                return None;
            }
            assert!(
                begin.elapsed() < Duration::from_secs(20),
                "it does not begin"
            );
            std::thread::sleep(Duration::from_millis(10));
        }
        Some(live)
    }

    /// Whether there is a file with a head.
    fn has_begun(&self) -> bool {
        let entries = std::fs::read_dir(&self.folder).expect("a folder");
        entries.flatten().any(|entry| {
            let is_capture = entry.file_name().to_string_lossy().ends_with(".pcapng");
            is_capture && entry.metadata().is_ok_and(|data| data.len() > 0)
        })
    }

    fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.join(name)).expect("text")
    }

    fn interrupt(&self) {
        let mut kill = Command::new("kill");
        kill.args(["-INT", &self.child.id().to_string()]);
        assert!(kill.status().expect("kill runs").success());
    }

    /// Waits for its end; its status.
    fn end(&mut self) -> Option<i32> {
        let begin = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a process") {
                return status.code();
            }
            assert!(begin.elapsed() < Duration::from_secs(30), "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Fetches 100 chunks from a seeder, over loopback; the seeder's port.
fn transfer(folder: &Path, seeder: Seeder) {
    let leech = Peer::start(folder, seeder.leech("got.bin", &[])).end();
    assert_eq!(leech.status, 0, "{leech:?}");
    assert_eq!(seeder.peer.stop().status, 0);
}

fn seeder(folder: &Path) -> (Seeder, String) {
    write(folder, "content.bin", &content(7, 100 * 1024));
    let seeder = Seeder::start(folder, "content.bin", &[]);
    let port = seeder
        .address
        .rsplit(':')
        .next()
        .expect("a port")
        .to_owned();
    (seeder, format!("udp port {port}"))
}

#[test]
fn a_transfer_is_seen_as_it_happens_and_recorded_as_it_was_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let (seeder, filter) = seeder(folder.path());
    let arguments = ["-f", &filter, "-T", "jsonl"];
    let Some(mut live) = Live::start(folder.path(), &arguments) else {
        return;
    };
    transfer(folder.path(), seeder);
    live.interrupt();
    assert_eq!(live.end(), Some(0), "{}", live.read("stderr"));
    let seen = live.read("stdout");
    let recorded = folder.path().join("own.pcapng");
    let read = run([
        "read".as_ref(),
        "-T".as_ref(),
        "jsonl".as_ref(),
        recorded.as_os_str(),
    ]);
    assert_eq!(seen, read.fine());
    assert!(seen.lines().count() > 30);
    let verified = seen.lines().flat_map(|line| {
        let datagram: Value = serde_json::from_str(line).expect("JSON");
        datagram["messages"].as_array().expect("messages").clone()
    });
    let verified =
        verified.filter(|message| message["type"] == "DATA" && message["integrity"] == "verified");
    assert!(verified.count() >= 100);
    let told = live.read("stderr");
    assert!(
        told.contains("packets captured, 0 dropped by the system"),
        "{told}"
    );
}

#[test]
fn datagrams_are_printed_while_the_capture_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let (seeder, filter) = seeder(folder.path());
    let Some(live) = Live::start(
        folder.path(),
        &["-f", &filter, "-Y", "ppspp.msg.type == DATA"],
    ) else {
        return;
    };
    transfer(folder.path(), seeder);
    let begin = Instant::now();
    while live.read("stdout").lines().count() < 100 {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{}",
            live.read("stdout")
        );
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(
        live.read("stdout")
            .lines()
            .all(|line| line.contains("DATA"))
    );
}

#[test]
fn figures_come_at_intervals_and_a_summary_at_the_end() {
    let folder = tempfile::tempdir().expect("a folder");
    let (seeder, filter) = seeder(folder.path());
    let arguments = [
        "-f",
        &filter,
        "--stats",
        "1",
        "-T",
        "jsonl",
        "-a",
        "duration:3",
    ];
    let Some(mut live) = Live::start(folder.path(), &arguments) else {
        return;
    };
    transfer(folder.path(), seeder);
    assert_eq!(live.end(), Some(0), "{}", live.read("stderr"));
    let text = live.read("stdout");
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<Value>();
    let figures = values.next().expect("figures").expect("JSON");
    assert!(
        figures["captured"].is_u64() && figures["time"].is_string(),
        "{figures}"
    );
    let last = values.last().expect("a summary").expect("JSON");
    assert_eq!(last["swarms"][0]["chunks"]["verified"], 100, "{last}");
}

#[test]
fn a_ring_of_files_is_written_without_decoding() {
    let folder = tempfile::tempdir().expect("a folder");
    let (seeder, filter) = seeder(folder.path());
    let arguments = ["-f", &filter, "-q", "-b", "packets:20", "-b", "files:2"];
    let Some(mut live) = Live::start(folder.path(), &arguments) else {
        return;
    };
    transfer(folder.path(), seeder);
    // What was captured is in the files before the capture ends.
    live.interrupt();
    assert_eq!(live.end(), Some(0), "{}", live.read("stderr"));
    assert_eq!(live.read("stdout"), "");
    let files = std::fs::read_dir(folder.path())
        .expect("a folder")
        .flatten();
    let files: Vec<_> = files
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "pcapng")
        })
        .collect();
    assert_eq!(files.len(), 2);
    let mut arguments = vec!["stats".into(), "--json".into()];
    arguments.extend(files.into_iter().map(std::path::PathBuf::into_os_string));
    let frames = run(arguments).json()["frames"].as_u64().expect("a number");
    assert!((21..=40).contains(&frames), "{frames}");
}

#[test]
fn interfaces_are_listed_for_people_and_programs() {
    let all = run(["interfaces", "--json"]).json();
    let all = all.as_array().expect("an array");
    let loopback = all.iter().find(|interface| interface["loopback"] == true);
    let name = loopback.expect("a loopback interface")["name"]
        .as_str()
        .expect("a name");
    let told = run(["interfaces"]).fine();
    assert!(
        told.lines()
            .any(|line| line.starts_with(name) && line.contains("loopback"))
    );
}

#[test]
fn wrong_usage_is_told_with_what_to_do() {
    let unknown = run(["live", "-i", "none7"]);
    assert_eq!(unknown.status, 2);
    assert!(
        unknown
            .stderr
            .contains("there is no interface \"none7\"; there are: ")
    );
    for (arguments, told) in [
        (["-b", "files:3"], "--write"),
        (["-a", "minutes:3"], "duration:SECONDS"),
        (["-Y", "udp.prot == 1"], "udp.prot"),
        (["-s", "10"], "64..="),
    ] {
        let wrong = run(["live"].into_iter().chain(arguments));
        assert_eq!(wrong.status, 2, "{wrong:?}");
        assert!(wrong.stderr.contains(told), "{wrong:?}");
    }
}
