//! What people will do wrong with `peer seed` and `peer leech`: each error says
//! what, where, and what to do.

mod support;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use support::program::Run;
use support::transfer::{Peer, Seeder, write};
use tempfile::TempDir;

const ID: &str = "64c189409a66ad6776e331c792b926c39c9b5c8e1476f62928d418c2d0550387";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

fn peer(folder: &Path, arguments: &[&str]) -> Run {
    Peer::start(folder, arguments).end()
}

#[track_caller]
fn says(run: &Run, status: i32, parts: &[&str]) {
    assert_eq!((run.status, run.stdout.as_str()), (status, ""), "{run:?}");
    for part in parts {
        assert!(run.stderr.contains(part), "{part}: {run:?}");
    }
}

#[test]
fn a_port_in_use() {
    let folder = folder();
    write(folder.path(), "file", b"content");
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = socket.local_addr().expect("an address").to_string();
    let run = peer(folder.path(), &["seed", "file", "--listen", &address]);
    says(&run, 3, &[&address, "in use", "--listen takes another"]);
}

#[test]
fn a_folder_or_a_file_that_is_not_there() {
    let folder = folder();
    let run = peer(folder.path(), &["seed", "missing"]);
    says(&run, 3, &["missing: "]);
    let leech = ["leech", ID, "--from", "127.0.0.1:9", "-o", "no/copy"];
    says(&peer(folder.path(), &leech), 3, &["no/copy"]);
    write(folder.path(), "file", b"content");
    let run = peer(folder.path(), &["seed", "file", "-w", "no/own.pcapng"]);
    says(&run, 3, &["-w no/own.pcapng: "]);
    // A mistyped option must not cost content.
    let run = peer(folder.path(), &["seed", "file", "-w", "file"]);
    says(
        &run,
        3,
        &["-w file: ", "is no pcapng capture", "name another"],
    );
    let kept = fs::read(folder.path().join("file")).expect("a file");
    assert_eq!(kept, b"content");
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder();
    write(folder.path(), "file", b"content");
    let closed = fs::Permissions::from_mode(0o500);
    fs::set_permissions(folder.path(), closed).expect("set");
    if fs::write(folder.path().join("probe"), "").is_err() {
        let run = peer(folder.path(), &["seed", "file"]);
        says(&run, 3, &["file.ppspp: ", "--state-dir"]);
        let leech = ["leech", ID, "--from", "127.0.0.1:9", "-o", "copy"];
        says(&peer(folder.path(), &leech), 3, &["copy"]);
    }
    let open = fs::Permissions::from_mode(0o700);
    fs::set_permissions(folder.path(), open).expect("set");
}

#[test]
fn a_name_that_does_not_resolve() {
    let folder = folder();
    for name in ["no-such-host.invalid:6778", "192.0.2.1", "192.0.2.1:many"] {
        let leech = ["leech", ID, "--from", name, "-o", "copy"];
        let said = format!("--from {name}: ");
        says(&peer(folder.path(), &leech), 3, &[&said, "HOST:PORT"]);
        assert!(!folder.path().join("copy").exists());
    }
}

#[test]
fn a_file_that_exists() {
    let folder = folder();
    write(folder.path(), "copy", b"precious");
    let leech = ["leech", ID, "--from", "127.0.0.1:9", "-o", "copy"];
    let run = peer(folder.path(), &leech);
    says(&run, 3, &["copy: the file exists", "--force"]);
    assert_eq!(
        fs::read(folder.path().join("copy")).expect("there"),
        b"precious"
    );
}

#[test]
fn a_swarm_id_that_can_not_be() {
    let folder = folder();
    let leech = |id| {
        peer(
            folder.path(),
            &["leech", id, "--from", "127.0.0.1:9", "-o", "copy"],
        )
    };
    says(&leech("64c1x"), 2, &["64c1x", "hexadecimal digits"]);
    says(&leech(&ID[1..]), 2, &["hexadecimal digits"]);
    says(&leech(&ID[2..]), 2, &["31 bytes", "32"]);
}

#[test]
fn nobody_there_or_another_swarm() {
    let (there, here) = (folder(), folder());
    write(there.path(), "file", b"content");
    let seeder = Seeder::start(there.path(), "file", &[]);
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let silent = socket.local_addr().expect("an address").to_string();
    for (id, from) in [(seeder.id.as_str(), silent.as_str()), (ID, &seeder.address)] {
        let began = std::time::Instant::now();
        let leech = ["leech", id, "--from", from, "-o", "copy", "--patience", "2"];
        let run = peer(here.path(), &[&leech[..], &["--force"]].concat());
        says(&run, 3, &[from, "check the swarm ID, the addresses"]);
        assert!(began.elapsed().as_secs() < 5);
    }
    assert_eq!(seeder.peer.stop().status, 0);
}
