//! Files of targets, right and wrong ones.

use super::*;

const ID: &str = "c0b9a954747d46ab4bd8e7cad127756b4102521f";

const TWO: &str = r#"
[defaults]
timeout = 0.6
jobs = 6
exclude = ["8.15"]

[[targets]]
name = "theirs"
address = "192.0.2.1:6778"
swarm = "c0b9a954747d46ab4bd8e7cad127756b4102521f"
expect = "theirs.expect"
level = ["must", "should"]

[[targets]]
name = "ours"
exec = "seed --listen {addr}"
swarm = "c0b9a954747d46ab4bd8e7cad127756b4102521f"
timeout = 2
exclude = []
strict = true
write = "ours.pcapng"
"#;

fn read(text: &str) -> Result<Vec<Target>, TargetsError> {
    targets(text, Path::new("folder"))
}

/// What is said of the file with a part replaced.
fn problem(part: &str, replacement: &str) -> String {
    assert!(TWO.contains(part), "{part}");
    match read(&TWO.replacen(part, replacement, 1)) {
        Ok(targets) => panic!("{targets:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn a_key_is_an_option_and_defaults_hold_where_a_target_does_not_say_otherwise() {
    let found = read(TWO).expect("targets");
    let [theirs, ours] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(theirs.name, "theirs");
    assert_eq!(theirs.args.target.as_deref(), Some("192.0.2.1:6778"));
    assert!((theirs.args.timeout - 0.6).abs() < f64::EPSILON);
    assert_eq!((theirs.args.jobs, theirs.args.strict), (6, false));
    assert_eq!(theirs.args.exclude, ["8.15"]);
    assert_eq!(theirs.args.level.len(), 2);
    let expect = theirs.args.expect.as_deref();
    assert_eq!(expect, Some(Path::new("folder/theirs.expect")));
    assert!((ours.args.timeout - 2.0).abs() < f64::EPSILON);
    assert_eq!((ours.args.jobs, ours.args.strict), (6, true));
    assert_eq!(ours.args.exclude, [""; 0]);
    assert_eq!(ours.args.exec.as_deref(), Some("seed --listen {addr}"));
    let write = ours.args.write.as_deref();
    assert_eq!(write, Some(Path::new("folder/ours.pcapng")));
    let address = ours.args.target.as_deref().expect("one was chosen");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
}

#[test]
fn a_target_that_comes_to_us_needs_neither_address_nor_swarm() {
    let text = format!(
        "[defaults]\nswarm = \"{ID}\"\n[[targets]]\nname = \"a leecher\"\nserve = true\n\
         exec = \"leech\"\ncontent = \"video.mp4\"\n[[targets]]\nname = \"a viewer\"\n\
         serve = \"192.0.2.7:7000\"\nlive = true\nkey = \"live.pem\"\n"
    );
    let found = read(&text).expect("targets");
    let [leecher, viewer] = &found[..] else {
        panic!("{found:?}");
    };
    assert_eq!(
        (leecher.args.target.as_ref(), leecher.args.live),
        (None, false)
    );
    let at = leecher.args.serve.expect("an address");
    assert!(at.ip().is_loopback(), "{at}");
    let content = leecher.args.content.as_deref();
    assert_eq!(content, Some(Path::new("folder/video.mp4")));
    assert!(viewer.args.live);
    let at = viewer.args.serve.map(|at| at.to_string());
    assert_eq!(at.as_deref(), Some("192.0.2.7:7000"));
    assert_eq!(
        viewer.args.key.as_deref(),
        Some(Path::new("folder/live.pem"))
    );
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_to_do() {
    let problems = [
        problem("jobs = 6", "jobs = = 6"),
        problem("jobs = 6", "job = 6"),
        problem("jobs = 6", "jobs = 99"),
        problem("jobs = 6", "jobs = [6]"),
        problem("jobs = 6", "json = true"),
        problem("timeout = 2", "timeout = \"long\""),
        problem("timeout = 2", "timeout = 1990-01-01"),
        problem("timeout = 2", "adress = \"192.0.2.1:6778\""),
        problem("strict = true", "strict = \"yes\""),
        problem("\"must\"", "\"most\""),
        problem("name = \"theirs\"", ""),
        problem("name = \"theirs\"", "name = 5"),
        problem("name = \"theirs\"", "name = \"ours\""),
        problem("address = \"192.0.2.1:6778\"", ""),
        problem("expect = \"theirs.expect\"", "serve = true"),
        problem(&format!("swarm = \"{ID}\""), ""),
        problem(ID, "xyz"),
        problem("[defaults]", "[default]"),
        problem("[defaults]", "[[defaults]]"),
        read("").expect_err("nothing").to_string(),
        read("targets = [5]").expect_err("no table").to_string(),
    ];
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("targets_problems", problems.join("\n\n"));
    });
}

#[test]
fn the_example_of_the_help_is_right() {
    let help = super::super::probe_args::MATRIX_AFTER_HELP;
    let (_, rest) = help.split_once("say otherwise:\n").expect("an example");
    let (example, _) = rest.split_once("Without an address").expect("its end");
    assert_eq!(read(example).expect("targets").len(), 3);
}
