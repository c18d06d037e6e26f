//! `peer keygen` and `peer id`: keys of live streams, end to end.

mod support;

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ppspp_dissector::integrity::PublicKey;
use ppspp_dissector::wire::SignatureAlgorithm;
use support::openssl_keys as openssl;
use support::program::{Run, run};
use tempfile::TempDir;

const WEAK: &str = "is weak: ";

fn folder() -> TempDir {
    tempfile::tempdir().expect("a folder")
}

/// Runs a command of `peer`, the last argument being a file.
fn peer(arguments: &[&str], file: &Path) -> Run {
    let words = ["peer"].iter().chain(arguments).map(OsStr::new);
    run(words.chain([file.as_os_str()]))
}

fn keygen(arguments: &[&str], file: &Path) -> Run {
    peer(&[&["keygen"], arguments, &["-o"]].concat(), file)
}

/// The value of a line of text.
fn line<'a>(text: &'a str, heading: &str) -> &'a str {
    text.lines()
        .find_map(|line| line.strip_prefix(heading))
        .expect("the line")
        .trim()
}

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal"))
        .collect()
}

/// A key of OpenSSL's in a file of its owner's.
fn write(folder: &TempDir, text: &str) -> PathBuf {
    let path = folder.path().join("openssl.pem");
    fs::write(&path, text).expect("written");
    set_mode(&path, 0o600);
    path
}

#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("set");
}

#[cfg(not(unix))]
fn set_mode(_path: &Path, _mode: u32) {}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    let data = fs::metadata(path).expect("a file");
    data.permissions().mode() & 0o7777
}

#[test]
fn every_algorithm_has_keys_whose_id_the_dissector_reads() {
    let folder = folder();
    for (number, &algorithm) in SignatureAlgorithm::ASSIGNED.iter().enumerate() {
        let name = algorithm.to_string();
        let rsa = name.starts_with("RSA");
        let bits: &[&str] = if rsa { &["--bits", "1024"] } else { &[] };
        let file = folder.path().join(format!("{number}.pem"));
        let made = keygen(&[&["--algorithm", &name], bits].concat(), &file);
        assert_eq!(made.status, 0, "{made:?}");
        assert_eq!(made.stderr.contains(WEAK), rsa, "{made:?}");
        let id = line(&made.stdout, "Swarm ID");
        let public = PublicKey::from_swarm_id(&bytes(id)).expect("a swarm ID");
        assert_eq!(public.algorithm(), algorithm);
        let length = format!("{} bytes", public.signature_length());
        assert_eq!(line(&made.stdout, "Signature"), length);
        assert!(line(&made.stdout, "Algorithm").starts_with(&name));
        // The file tells the algorithm, too.
        let shown = peer(&["id"], &file);
        assert_eq!((shown.status, &shown.stdout), (0, &made.stdout));
        assert_eq!(shown.stderr, made.stderr);
    }
}

#[test]
fn the_default_is_that_of_the_rfc() {
    let folder = folder();
    let text = keygen(&[], &folder.path().join("key.pem")).fine();
    assert_eq!(line(&text, "Algorithm"), "ECDSAP256SHA256, 256 bits");
    let rsa = folder.path().join("rsa.pem");
    let text = keygen(&["--algorithm", "rsasha256"], &rsa).fine();
    assert_eq!(line(&text, "Algorithm"), "RSASHA256, 2048 bits");
}

#[test]
fn json_says_the_same() {
    let folder = folder();
    let file = folder.path().join("key.pem");
    let made = keygen(&["--json"], &file).json();
    assert_eq!(made, peer(&["id", "--json"], &file).json());
    let text = peer(&["id"], &file).fine();
    assert_eq!(made["swarm_id"], line(&text, "Swarm ID"));
    assert_eq!(made["algorithm"], "ECDSAP256SHA256");
    assert_eq!(made["bits"], 256);
    assert_eq!(made["signature_length"], 64);
    assert!(made["weakness"].is_null());
    assert_eq!(made["file"], file.to_str().expect("text"));
    let weak = write(&folder, openssl::RSA_1024_PKCS8);
    let shown = peer(&["id", "--algorithm", "RSASHA1", "--json"], &weak);
    let object: serde_json::Value = serde_json::from_str(&shown.stdout).expect("JSON");
    let weakness = object["weakness"].as_str().expect("weak");
    assert_eq!(shown.stderr, format!("ppsp-inspect: {weakness}\n"));
}

#[test]
fn nothing_secret_is_printed() {
    let folder = folder();
    let file = folder.path().join("key.pem");
    let made = keygen(&["--json"], &file);
    let secret = fs::read_to_string(&file).expect("a key");
    for part in secret.lines().filter(|line| !line.starts_with('-')) {
        assert!(!made.stdout.contains(part) && !made.stderr.contains(part));
    }
    assert!(!made.stdout.contains("PRIVATE"));
}

#[test]
fn a_file_is_overwritten_only_by_force() {
    let folder = folder();
    let file = folder.path().join("key.pem");
    keygen(&[], &file).fine();
    let first = fs::read(&file).expect("a key");
    let refused = keygen(&[], &file);
    assert_eq!((refused.status, refused.stdout.as_str()), (3, ""));
    assert!(refused.stderr.contains("key.pem: exists already; --force"));
    assert_eq!(fs::read(&file).expect("a key"), first);
    let text = keygen(&["--force"], &file).fine();
    assert_ne!(fs::read(&file).expect("a key"), first);
    assert_eq!(peer(&["id"], &file).fine(), text);
    assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
    // By force also where there is nothing yet.
    keygen(&["--force"], &folder.path().join("new.pem")).fine();
}

#[cfg(unix)]
#[test]
fn a_file_is_its_owners_whatever_the_umask() {
    let folder = folder();
    let file = folder.path().join("key.pem");
    fs::write(&file, "old").expect("written");
    set_mode(&file, 0o666);
    for umask in ["000", "022", "077"] {
        // Once in the place of another file, once where there is none.
        for (path, force) in [(&file, Some("--force")), (&folder.path().join(umask), None)] {
            let mut command = Command::new("sh");
            command.arg("-c");
            command.arg(format!("umask {umask}; exec \"$0\" \"$@\""));
            command.arg(env!("CARGO_BIN_EXE_ppsp-inspect"));
            command.args(["peer", "keygen"]).args(force);
            command.arg("-o").arg(path);
            Run::of(command.output().expect("it starts")).fine();
            assert_eq!(mode(path), 0o600, "umask {umask}");
        }
    }
}

#[cfg(unix)]
#[test]
fn a_key_that_others_may_read_is_refused() {
    let folder = folder();
    let file = folder.path().join("key.pem");
    let text = keygen(&[], &file).fine();
    set_mode(&file, 0o644);
    let refused = peer(&["id"], &file);
    assert_eq!((refused.status, refused.stdout.as_str()), (3, ""));
    assert!(refused.stderr.contains("others may read"), "{refused:?}");
    let advice = format!("`chmod 600 {}`", file.display());
    assert!(refused.stderr.contains(&advice), "{refused:?}");
    set_mode(&file, 0o600);
    assert_eq!(peer(&["id"], &file).fine(), text);
}

#[test]
fn keys_of_openssl_are_read() {
    let folder = folder();
    let shown = |text: &str, arguments: &[&str]| {
        let file = write(&folder, text);
        let shown = peer(&[&["id"], arguments].concat(), &file);
        assert_eq!(shown.status, 0, "{shown:?}");
        line(&shown.stdout, "Swarm ID").to_owned()
    };
    assert_eq!(shown(openssl::P256_SEC1, &[]), openssl::P256_SEC1_ID);
    assert_eq!(shown(openssl::P256_PKCS8, &[]), openssl::P256_PKCS8_ID);
    assert_eq!(shown(openssl::P384_SEC1, &[]), openssl::P384_SEC1_ID);
    for text in [openssl::RSA_1024_PKCS1, openssl::RSA_1024_PKCS8] {
        for (algorithm, octet) in [("RSASHA1", "05"), ("RSASHA256", "08")] {
            let id = shown(text, &["--algorithm", algorithm]);
            assert_eq!(id, format!("{octet}{}", openssl::RSA_1024_PUBLIC));
        }
    }
}

#[test]
fn what_is_no_key_is_named_with_what_to_do() {
    let folder = folder();
    for (text, said) in [
        ("", "BEGIN PRIVATE KEY"),
        (openssl::PUBLIC, "holds no private key but a PUBLIC KEY"),
        (openssl::ENCRYPTED_PKCS8, "`openssl pkey -in FILE"),
        (openssl::ENCRYPTED_SEC1, "`openssl pkey -in FILE"),
        (openssl::ED25519_PKCS8, "neither RSA nor ECDSA"),
        (openssl::P521_SEC1, "another curve"),
        (openssl::RSA_512_PKCS1, "1024 to 4096 bits, found 512"),
        (openssl::RSA_1024_PKCS1, "name it by --algorithm"),
    ] {
        let run = peer(&["id"], &write(&folder, text));
        assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{run:?}");
        assert!(run.stderr.contains("openssl.pem: "), "{run:?}");
        assert!(run.stderr.contains(said), "{said}: {run:?}");
        assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
    }
    let run = peer(
        &["id", "--algorithm", "RSASHA1"],
        &write(&folder, openssl::P256_SEC1),
    );
    assert_eq!(run.status, 3);
    let said = "expected a key for RSASHA1, found one for ECDSAP256SHA256";
    assert!(run.stderr.contains(said), "{run:?}");
    let missing = peer(&["id"], &folder.path().join("missing.pem"));
    assert_eq!(missing.status, 3);
    assert!(missing.stderr.contains("missing.pem: "), "{missing:?}");
}

#[test]
fn wrong_usage_is_told() {
    let folder = folder();
    let file = folder.path().join("key.pem");
    for arguments in [
        &["--bits", "2048"][..],
        &["--algorithm", "RSASHA1", "--bits", "1023"],
        &["--algorithm", "RSASHA256", "--bits", "4097"],
        &["--algorithm", "RSASHA256", "--bits", "many"],
        &["--algorithm", "ED25519"],
    ] {
        let run = keygen(arguments, &file);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{run:?}");
        assert!(!file.exists());
    }
    assert_eq!(run(["peer", "keygen"]).status, 2);
    assert_eq!(run(["peer", "id"]).status, 2);
    assert_eq!(run(["peer"]).status, 2);
    for nowhere in [folder.path().to_owned(), folder.path().join("no/key.pem")] {
        let run = keygen(&["--force"], &nowhere);
        assert_eq!((run.status, run.stdout.as_str()), (3, ""), "{run:?}");
        let name = nowhere.display().to_string();
        assert!(run.stderr.contains(&name), "{run:?}");
    }
}

/// Where OpenSSL is installed, it takes what was written for its own.
#[test]
fn openssl_reads_the_keys() {
    let folder = folder();
    for arguments in [
        &[][..],
        &["--algorithm", "ECDSAP384SHA384"],
        &["--algorithm", "RSASHA1", "--bits", "1024"],
        &["--algorithm", "RSASHA256", "--bits", "2048"],
    ] {
        let file = folder.path().join("key.pem");
        assert_eq!(keygen(&[arguments, &["--force"]].concat(), &file).status, 0);
        let mut command = Command::new("openssl");
        command.args(["pkey", "-noout", "-check", "-in"]).arg(&file);
        let Ok(output) = command.output() else {
            return;
        };
        assert!(output.status.success(), "{arguments:?}: {output:?}");
    }
}
