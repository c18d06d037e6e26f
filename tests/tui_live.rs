//! A live capture in the terminal UI, on the loopback interface, of a transfer between
//! our own peers. It needs the right to capture; where that is lacking the tests say
//! that they are skipped.

mod support;

use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use support::terminal::{CTRL_C, CTRL_L, Session};
use support::transfer::{Peer, Seeder, content, write};

/// Datagrams of a transfer, at least: a chunk each.
const LEAST: u32 = 100;

/// A seeder, and the UI over what comes to and from it.
struct Live {
    folder: tempfile::TempDir,
    temporary: tempfile::TempDir,
    seeder: Seeder,
    session: Session,
}

impl Live {
    /// `None` where this process may not capture.
    fn start(more: &[&str]) -> Option<Self> {
        let folder = tempfile::tempdir().expect("a folder");
        let temporary = tempfile::tempdir().expect("a folder");
        write(folder.path(), "content.bin", &content(7, 100 * 1024));
        let seeder = Seeder::start(folder.path(), "content.bin", &[]);
        let port = seeder.address.rsplit(':').next().expect("a port");
        let filter = format!("udp port {port}");
        let mut arguments = vec!["live", "-i", "lo", "--keep-privileges", "-f", &filter];
        arguments.extend(more);
        let mut session = Session::start_with(&arguments, None, temporary.path());
        session.waits("begin", |text| {
            text.contains("1 Packets") || text.contains("privileges")
        });
        if session.text().contains("privileges") {
            eprintln!("skipped: this process may not capture");
            return None;
        }
        Some(Self {
            folder,
            temporary,
            seeder,
            session,
        })
    }

    /// Fetches 100 chunks from the seeder.
    fn transfers(&self, output: &str) {
        let leech = Peer::start(self.folder.path(), self.seeder.leech(output, &[])).end();
        assert_eq!(leech.status, 0, "{leech:?}");
    }

    /// The number before `sign` in the title.
    fn count(&self, sign: &str) -> Option<u32> {
        let text = self.session.text();
        let (before, _) = text.lines().next()?.split_once(sign)?;
        before.split_whitespace().next_back()?.parse().ok()
    }
}

/// How many files without a name a process has open.
fn nameless_files(id: u32) -> usize {
    let handles = std::fs::read_dir(format!("/proc/{id}/fd")).expect("a process");
    let targets = handles
        .flatten()
        .flat_map(|it| std::fs::read_link(it.path()));
    let deleted = targets.filter(|target| target.to_string_lossy().ends_with("(deleted)"));
    deleted.count()
}

fn entries(folder: &Path) -> usize {
    std::fs::read_dir(folder).expect("a folder").count()
}

#[test]
fn a_transfer_is_followed_paused_cleared_and_filtered() {
    let Some(mut live) = Live::start(&[]) else {
        return;
    };
    live.transfers("one.bin");
    live.session.shows("HANDSHAKE close");
    live.session.shows("following");
    live.session.shows("✓100 ✗0");
    let first = live.count(" of ").expect("a count");
    assert!(first >= LEAST, "{}", live.session.text());
    live.session.types("p");
    live.session.shows("PAUSED, 0 came");
    live.transfers("two.bin");
    live.session.waits("what came meanwhile", |text| {
        let came = text.split_once(" came").map(|(before, _)| before);
        let came = came.and_then(|text| text.split_whitespace().next_back());
        came.and_then(|count| count.parse().ok()).unwrap_or(0) >= LEAST
    });
    live.session.shows("✓100 ✗0");
    assert_eq!(live.count(" of "), Some(first), "the view stands still");
    live.session.types("p");
    live.session.shows("✓200 ✗0");
    live.session.types("C");
    live.session.shows("  0 of 0 packets");
    live.session.shows("✓0 ✗0");
    live.session.types("/ppspp.msg.type == \"DATA\"\r");
    live.transfers("three.bin");
    live.session.shows("✓100 ✗0");
    live.session
        .waits("what fits", |text| text.contains("100 of "));
    live.session.quits();
    live.session.shows("0 dropped by the system");
}

#[test]
fn limits_bound_files_and_lists_and_the_views_are_right() {
    let Some(mut live) = Live::start(&["--keep", "50", "--keep-bytes", "1M"]) else {
        return;
    };
    for number in 0..12 {
        live.transfers(&format!("{number}.bin"));
        assert!(nameless_files(live.session.child.id()) <= 18);
    }
    live.session.shows("✓1200 ✗0");
    live.session.waits("the last datagram", |text| {
        text.contains("HANDSHAKE close") && text.contains("let go")
    });
    let all = live.count(" of ").expect("a count");
    let text = live.session.text();
    let title = text.lines().next().expect("a title");
    assert!(title.contains(&format!("{} let go", all - 50)), "{title}");
    for (view, sign) in [
        ("2", "✓verified"),
        ("3", "latency"),
        ("4", "closed by"),
        ("5", "second"),
    ] {
        live.session.types(&format!("{view}{CTRL_L}jjGgg"));
        live.session.shows(sign);
    }
    live.session.types(&format!("1{CTRL_L}gg"));
    let first = (all - 50 + 1).to_string();
    live.session.waits("the first that is kept", |text| {
        let mut lines = text.lines();
        lines.any(|line| {
            let selected = line.strip_prefix('>').map(str::trim_start);
            selected.is_some_and(|line| line.starts_with(&first))
        })
    });
    live.session.quits();
}

#[test]
fn every_end_leaves_no_mess() {
    for end in ["ctrl-c", "term", "vanish"] {
        let Some(mut live) = Live::start(&[]) else {
            return;
        };
        for (rows, columns) in [(1, 1), (5, 10), (60, 200), (24, 80)] {
            live.session.resizes(rows, columns);
            live.session.types(CTRL_L);
        }
        live.transfers("one.bin");
        live.session.shows("✓100");
        match end {
            "ctrl-c" => live.session.types(CTRL_C),
            "term" => {
                let id = Pid::from_child(&live.session.child);
                kill_process(id, Signal::TERM).expect("sent");
            }
            _ => live.session.vanishes(),
        }
        live.session.ends();
        if end != "vanish" {
            live.session.is_restored();
        }
        assert_eq!(entries(live.temporary.path()), 0, "{end}");
    }
}
