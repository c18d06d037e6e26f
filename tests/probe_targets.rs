//! `probe matrix` as its users run it: several targets, some of them wrong, one
//! not there.

mod support;

use std::fs;
use std::net::UdpSocket;
use std::path::Path;

use serde_json::Value;
use support::program::{Run, run};

/// Two seeders of ours that are started, the second of which does one thing wrong,
/// and a target that nobody answers at; `known` is what is known of the second.
fn targets(folder: &Path, known: &str) -> String {
    let content: Vec<u8> = (0..9 * 1024 + 5_u32)
        .map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8)
        .collect();
    let file = folder.join("a.bin");
    fs::write(&file, content).expect("written");
    let hash = run(["hash".as_ref(), "--json".as_ref(), file.as_os_str()]).json();
    let id = hash["swarm_id"].as_str().expect("an ID");
    fs::write(folder.join("known.expect"), known).expect("written");
    let program = env!("CARGO_BIN_EXE_ppsp-inspect");
    let seed = format!("{program} peer seed {} --listen {{addr}}", file.display());
    format!(
        r#"
[defaults]
swarm = "{id}"
timeout = 0.5
case = ["7.1", "7.11/reply*"]

[[targets]]
name = "right"
exec = "{seed}"

[[targets]]
name = "<b>wrong</b>"
exec = "{seed} --misbehave no-chunk-size"
expect = "known.expect"
write = "wrong.pcapng"
"#
    )
}

fn silent() -> (UdpSocket, String) {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let address = socket.local_addr().expect("an address").to_string();
    let target =
        format!("\n[[targets]]\nname = \"nobody\"\naddress = \"{address}\"\ntimeout = 0.05\n");
    (socket, target)
}

fn matrix(folder: &Path, text: &str, more: &[&str]) -> Run {
    let file = folder.join("targets.toml");
    fs::write(&file, text).expect("written");
    let file = file.to_str().expect("a path");
    run(["probe", "matrix", file].iter().chain(more))
}

#[test]
fn cases_stand_against_targets_and_who_is_not_there_has_a_column() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_socket, nobody) = silent();
    let text = format!("{}{nobody}", targets(folder.path(), ""));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (html, markdown) = (path("matrix.html"), path("matrix.md"));
    let report = matrix(
        folder.path(),
        &text,
        &["--html", &html, "--markdown", &markdown],
    );
    assert_eq!((report.status, report.stderr.as_str()), (1, ""));
    let words = |line: &str| {
        let words = line.split_whitespace().map(str::to_owned);
        words.collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = report.stdout.lines().map(words).collect();
    for line in [
        "level case right <b>wrong</b> nobody",
        "MUST rfc7574/7.1/reply-end-option pass pass ·",
        "MUST rfc7574/7.11/reply-chunk-size pass FAIL ·",
        "right: conforms; takes RFC 7574; 2 cases: 2 pass, 0 fail",
        "<b>wrong</b>: does not conform; takes RFC 7574; 2 cases: 1 pass, 1 fail",
    ] {
        assert!(
            lines.contains(&words(line)),
            "no {line} in {}",
            report.stdout
        );
    }
    assert!(report.stdout.contains("nobody: not probed: 127.0.0.1:"));
    assert!(
        report
            .stdout
            .contains("answers no HANDSHAKE for this swarm")
    );
    let html = fs::read_to_string(html).expect("there");
    for part in [
        "&lt;b&gt;wrong&lt;/b&gt;",
        "not probed",
        "option 9 (chunk_size): 1024",
        r##"<a href="#target-1-rfc7574-7.11-reply-chunk-size"><span class="verdict fail">✗ fail</span></a>"##,
        r#"id="target-1-rfc7574-7.11-reply-chunk-size""#,
    ] {
        assert!(html.contains(part), "no {part} in {html}");
    }
    assert!(!html.contains("<b>") && !html.contains("<script"), "{html}");
    let markdown = fs::read_to_string(markdown).expect("there");
    for part in [
        "| `rfc7574/7.11/reply-chunk-size` | MUST | pass | FAIL | · |",
        r"- \<b\>wrong\</b\>: fail: expected option 9",
        "| nobody | not probed: ",
    ] {
        assert!(markdown.contains(part), "no {part} in {markdown}");
    }
    let capture = folder.path().join("wrong.pcapng");
    let stats = run(["stats".as_ref(), "--json".as_ref(), capture.as_os_str()]);
    assert_eq!(stats.status, 0, "{stats:?}");
}

#[test]
fn known_failures_conform_and_programs_get_one_object() {
    let folder = tempfile::tempdir().expect("a folder");
    let known = "7.11/reply-chunk-size # left out on purpose\n";
    let report = matrix(folder.path(), &targets(folder.path(), known), &["--json"]);
    assert_eq!(report.status, 0, "{report:?}");
    let object: Value = serde_json::from_str(&report.stdout).expect("JSON");
    assert_eq!(object["conforms"], true);
    assert_eq!(object["targets"][0]["name"], "right");
    assert_eq!(object["targets"][1]["summary"]["fail"], 1);
    let cases = object["cases"].as_array().expect("cases");
    let case = cases
        .iter()
        .find(|case| case["id"] == "rfc7574/7.11/reply-chunk-size");
    let verdicts = &case.expect("the case")["verdicts"];
    assert_eq!(
        (&verdicts[0], &verdicts[1]),
        (&"pass".into(), &"fail".into())
    );
    let table = matrix(folder.path(), &targets(folder.path(), known), &[]);
    assert!(table.stdout.contains("known"), "{table:?}");
}

#[test]
fn only_a_target_that_is_not_there_has_its_own_exit_and_so_have_bad_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let (_socket, nobody) = silent();
    let id = "ab".repeat(20);
    let alone = matrix(folder.path(), &format!("{nobody}swarm = \"{id}\"\n"), &[]);
    assert_eq!(alone.status, 3, "{alone:?}");
    let unresolved =
        format!("[[targets]]\nname = \"x\"\naddress = \"no such name\"\nswarm = \"{id}\"\n");
    let unresolved = matrix(folder.path(), &unresolved, &[]);
    assert_eq!(unresolved.status, 3, "{unresolved:?}");
    assert!(
        unresolved
            .stdout
            .contains("x: not probed: no such name: this is no HOST:PORT")
    );
    let broken = format!("[[targets]]\nname = \"x\"\nexec = \"false\"\nswarm = \"{id}\"\n");
    let broken = matrix(folder.path(), &broken, &[]);
    assert_eq!(broken.status, 3, "{broken:?}");
    assert!(
        broken
            .stdout
            .contains("x: not probed: --exec false: it has ended at once")
    );
    let bad = matrix(
        folder.path(),
        "[[targets]]\nname = 'x'\nadress = 'y'\n",
        &[],
    );
    assert_eq!(bad.status, 2, "{bad:?}");
    assert!(
        bad.stderr
            .contains("targets.toml: line 3: unknown key `adress`"),
        "{bad:?}"
    );
    let short = "[[targets]]\nname = 'x'\naddress = 'a:1'\nswarm = 'abcd'\n";
    let short = matrix(folder.path(), short, &[]);
    assert_eq!(short.status, 2, "{short:?}");
    assert!(
        short.stderr.contains("target \"x\": a swarm ID of 2 bytes"),
        "{short:?}"
    );
    assert_eq!(run(["probe", "matrix"]).status, 2);
    let missing = run(["probe", "matrix", "/no/such/file"]);
    assert_eq!(missing.status, 3);
    for part in [
        "/no/such/file: ",
        "the file of targets",
        "No such file",
        "--help",
    ] {
        assert!(missing.stderr.contains(part), "no {part} in {missing:?}");
    }
}
