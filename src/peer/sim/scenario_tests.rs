//! Tests of scenario files, right and wrong ones.

use super::*;
use crate::peer::engine::{Picking, Reciprocity};
use crate::peer::sim::{Achievement, Ending, Nanotime, Probability, Recording, Summary};

/// The example of the module's documentation.
fn example() -> String {
    let source = include_str!("scenario/mod.rs");
    let lines = source.lines().map(|line| line.trim_start_matches("//!"));
    let lines = lines.skip_while(|line| !line.contains("```toml")).skip(1);
    let lines: Vec<_> = lines.take_while(|line| !line.contains("```")).collect();
    lines.join("\n")
}

const SMALL: &str = r#"
seed = 1
duration = "1 s"
content = { kind = "static", size = "1 MiB" }
[[nodes]]
name = "one"
role = "seeder"
"#;

/// Compares what is said of several scenarios with the snapshot of that name.
fn assert_said(name: &str, problems: &[String]) {
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!(format!("scenario_{name}"), problems.join("\n\n"));
    });
}

/// What is said of the small scenario with a part replaced.
fn problem(part: &str, replacement: &str) -> String {
    assert!(SMALL.contains(part));
    said(&SMALL.replace(part, replacement))
}

fn said(text: &str) -> String {
    match Scenario::parse(text) {
        Ok(scenario) => panic!("{scenario:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_documented_example_is_right() {
    let scenario = Scenario::parse(&example()).expect("a scenario");
    assert_eq!(scenario.hosts.len(), 7);
    let seeder = &scenario.hosts[0];
    assert_eq!(
        (seeder.name.as_str(), seeder.role),
        ("seeder", Role::Seeder)
    );
    assert_eq!(seeder.uplink_via, [0]);
    assert_eq!(seeder.downlink.loss, Probability::new(0.01).expect("one"));
    let leecher = &scenario.hosts[3];
    assert_eq!(leecher.name, "leecher-3");
    assert_eq!(leecher.address.to_string(), "10.1.0.3:20000");
    assert_eq!(leecher.downlink.delay, Duration::from_millis(80));
    // What the group does not set is as in the defaults.
    assert_eq!(leecher.downlink.jitter, seeder.downlink.jitter);
    assert_eq!(leecher.going, Some(Going::Leave(Duration::from_secs(90))));
    assert!((1_000..=1_500).contains(&leecher.start.as_millis()));
    assert_ne!(leecher.start, scenario.hosts[4].start);
    assert_eq!(leecher.policies.picking, Picking::RarestFirst);
    assert_eq!(leecher.policies.reciprocity, Reciprocity::TitForTat);
    assert_eq!(scenario.hosts[6].misbehaviour, Some(Misbehaviour::Liar));
    let output = scenario.output.expect("an output");
    assert_eq!(output.at, [1]);
    let again = Scenario::parse(&example()).expect("a scenario");
    assert_eq!(scenario.hosts, again.hosts);
}

#[test]
fn flows_go_to_sinks_round_and_round() {
    let scenario = Scenario::parse(
        r#"
        seed = 1
        duration = "1 s"
        [[nodes]]
        name = "flow"
        role = "reno"
        to = "sink"
        count = 3
        [[nodes]]
        name = "sink"
        role = "sink"
        count = 2
        "#,
    )
    .expect("a scenario");
    let to: Vec<_> = scenario.hosts.iter().map(|host| host.to).collect();
    assert_eq!(to, [Some(3), Some(4), Some(3), None, None]);
    assert_eq!(scenario.content, None);
}

#[test]
fn mistyped_fields_and_values_are_told_with_their_line() {
    assert_said(
        "mistyped",
        &[
            problem("role =", "roll ="),
            problem("\"seeder\"", "\"seedr\""),
            problem("\"1 s\"", "\"1 sec\""),
            problem("\"1 s\"", "5"),
            problem("seed = 1", ""),
            problem("seed = 1", "seed = -1"),
            problem("seed = 1", "seed = = 1"),
            problem("\"one\"", "\"one\"\nmisbehaviour = \"lair\""),
            problem("\"one\"", "\"one\"\npolicies = { picking = \"best\" }"),
            problem("\"one\"", "\"one\"\npolicies = { dialect = \"klingon\" }"),
            problem("\"one\"", "\"one\"\npolicies = { taste = \"good\" }"),
            problem("\"one\"", "\"one\"\nuplink = { loss = 1.5 }"),
            problem("\"one\"", "\"one\"\nuplink = { speed = 1 }"),
            problem("\"one\"", "\"one\"\nuplink = { bandwidth = \"0 bit/s\" }"),
        ],
    );
}

#[test]
fn parts_that_do_not_fit_are_told_with_their_line() {
    assert_said(
        "misfits",
        &[
            problem("\"1 s\"", "\"0 s\""),
            problem("\"one\"", "\"one\"\nuplink_via = [\"line\"]"),
            problem("\"one\"", "\"one\"\ncount = 0"),
            problem("\"one\"", "\"one\"\ncount = 20000"),
            problem("\"one\"", "\"one\"\nstart = \"3 s\"\ncrash = \"2 s\""),
            problem("\"one\"", "\"one\"\nleave = \"3 s\"\ncrash = \"2 s\""),
            problem("\"seeder\"", "\"viewer\""),
            problem("\"seeder\"", "\"reno\""),
            problem("\"seeder\"", "\"reno\"\nto = \"one\""),
            problem("\"seeder\"", "\"seeder\"\nto = \"one\""),
            problem("\"one\"", "\"\""),
            said(&format!(
                "{SMALL}[[nodes]]\nname = \"one\"\nrole = \"leecher\""
            )),
            said(&format!("{SMALL}[output]\npcapng = \"x\"\nat = [\"two\"]")),
            said(&format!("{SMALL}[output]")),
            said(&format!(
                "{SMALL}[[bottlenecks]]\nname = \"x\"\n[[bottlenecks]]\nname = \"x\""
            )),
            said(&format!(
                "{SMALL}count = 2\n[[nodes]]\nname = \"one\"\nrole = \"leecher\""
            )),
            said("seed = 1\nduration = \"1 s\"\nnodes = []"),
        ],
    );
}

#[test]
fn content_that_cannot_be_is_told_with_its_line() {
    let content = "{ kind = \"static\", size = \"1 MiB\" }";
    assert_said(
        "content",
        &[
            problem(content, "{ kind = \"static\" }"),
            problem(content, "{ kind = \"static\", size = \"0 B\" }"),
            problem(content, "{ kind = \"live\", size = \"1 B\" }"),
            problem(content, "{ kind = \"live\" }"),
            problem("size =", "rate = \"1 bit/s\", size ="),
            problem("size =", "chunk_size = 0, size ="),
            problem("size =", "hash_function = \"md5\", size ="),
            problem("size =", "content_integrity = \"sign-all\", size ="),
            problem("content = { kind = \"static\", size = \"1 MiB\" }", ""),
        ],
    );
}

const FLOWS: &str = r#"
seed = 42
duration = "40 s"

[defaults.downlink]
delay = "10 ms"
jitter = "100 us"

[[bottlenecks]]
name = "line"
link = { bandwidth = "8 Mbit/s", queue = "40 kB", delay = "5 ms" }

[[nodes]]
name = "flow"
role = "reno"
to = "sink"
count = 2
spread = "1 s"
uplink_via = ["line"]

[[nodes]]
name = "sink"
role = "sink"
leave = "30 s"

[output]
pcapng = "flows.pcapng"
at = ["sink"]
"#;

/// The capture and the summary of a scenario of flows.
fn simulate(text: &str) -> (Vec<u8>, Summary) {
    let scenario = Scenario::parse(text).expect("a scenario");
    let began = Nanotime::from_nanoseconds(1_700_000_000_000_000_000);
    let mut network = scenario
        .network(began, |_, host| scenario.reno(host).expect("no peer"))
        .expect("a network");
    let vantage = scenario.vantage().expect("an output");
    let mut recording = Recording::new(Vec::new(), &vantage, &[]).expect("room");
    let limit = began + scenario.duration;
    let ending = network.run(limit, &mut recording, |_| false);
    assert_eq!(ending, Ending::TimeLimit);
    let summary = Summary::of(
        &network,
        began,
        &scenario.shared_links(),
        |id| scenario.hosts[id.index()].name.clone(),
        |_| Achievement::default(),
    );
    (recording.finish().expect("room"), summary)
}

#[test]
fn a_scenario_is_the_same_run_whenever_it_is_run_and_another_seed_is_another() {
    let (capture, summary) = simulate(FLOWS);
    let (again, same_summary) = simulate(FLOWS);
    assert!(capture == again);
    assert_eq!(summary, same_summary);
    let (other, _) = simulate(&FLOWS.replace("42", "43"));
    assert!(capture != other);
}

#[test]
fn a_scenario_of_flows_uses_its_line_until_the_sink_leaves() {
    let (_, summary) = simulate(FLOWS);
    let names: Vec<_> = summary
        .nodes
        .iter()
        .map(|node| node.name.as_str())
        .collect();
    assert_eq!(names, ["flow-1", "flow-2", "sink"]);
    let line = &summary.links[0];
    assert_eq!(line.name, "line");
    // Thirty of forty seconds, and what is sent in vain after them.
    let busy = line.utilisation.expect("it has a bandwidth");
    assert!((0.69..0.80).contains(&busy), "{busy}");
    assert!(line.longest_queueing_delay <= 0.0415);
}
