//! A prober that is ended by a signal leaves nothing of what it has started.

mod support;

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use support::program::program;

/// Waits until something is so.
#[track_caller]
fn soon(mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "it takes too long");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs, of which somebody has written the number.
fn runs(file: &Path) -> bool {
    let text = fs::read_to_string(file).expect("a number");
    let id: i32 = text.trim().parse().expect("a number");
    let pid = Pid::from_raw(id).expect("a process");
    let status = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // One that nobody has waited for is dead all the same.
    test_kill_process(pid).is_ok() && !status.contains(") Z ")
}

/// Ends a prober by a signal while its target runs; the target, what the target has
/// started, and its folder have to go.
fn end_by(signal: Signal, arguments: &[&str], placeholder: &str) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name);
    let script = path("target.sh");
    fs::write(
        &script,
        "cd \"$1\"\n\
         echo \"$2\" > folder\n\
         sleep 300 &\n\
         echo $! > child\n\
         echo $$ > target.new\n\
         mv target.new target\n\
         wait\n",
    )
    .expect("written");
    let exec = format!(
        "sh {} {} '{placeholder}'",
        script.display(),
        folder.path().display()
    );
    let mut prober = program()
        .args(arguments)
        .args(["--exec", &exec])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    soon(|| path("target").exists());
    assert!(runs(&path("target")) && runs(&path("child")));
    kill_process(Pid::from_child(&prober), signal).expect("a signal");
    let status = prober.wait().expect("it ends");
    assert_eq!(status.signal(), Some(signal.as_raw()), "{status}");
    soon(|| !runs(&path("target")) && !runs(&path("child")));
    let of_target = fs::read_to_string(path("folder")).expect("a name");
    let of_target = Path::new(of_target.trim());
    assert!(of_target.as_os_str().is_empty() || !of_target.exists());
}

#[test]
fn a_leecher_and_its_folder_go_with_the_prober() {
    for signal in [Signal::TERM, Signal::INT] {
        end_by(signal, &["probe", "--serve"], "{folder}");
    }
}

#[test]
fn a_seeder_goes_with_the_prober() {
    let id = "ab".repeat(20);
    let arguments = ["probe", "127.0.0.1:9", "--swarm", &id, "--timeout", "5"];
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        end_by(signal, &arguments, "");
    }
}
