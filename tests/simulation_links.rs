//! A seeder and a leecher on links of all kinds, and beside other traffic.

#[path = "support/simulations.rs"]
mod simulations;

use std::fmt::Write as _;

use ppsp_inspect::peer::sim::{Ending, Participant, Summary};
use simulations::{node, simulate};

/// Two peers and a line of 10 Mbit/s between them.
fn pair(loss: f64, delay: u32) -> String {
    format!(
        r#"
        seed = 9
        duration = "60 s"
        [defaults.downlink]
        delay = "{delay} ms"
        loss = {loss}
        [[bottlenecks]]
        name = "line"
        link = {{ bandwidth = "10 Mbit/s", queue = "250 kB" }}
        [content]
        kind = "static"
        size = "4 MiB"
        [[nodes]]
        name = "seeder"
        role = "seeder"
        uplink_via = ["line"]
        [[nodes]]
        name = "leecher"
        role = "leecher"
        "#
    )
}

#[test]
fn goodput_over_loss_and_delay_is_as_it_was_reviewed() {
    let mut table = String::from("loss     5 ms    50 ms   200 ms   Mbit/s, delay one way\n");
    for loss in [0.0, 0.001, 0.01, 0.02, 0.05] {
        let _ = write!(table, "{:3.1} %", loss * 100.0);
        for delay in [5, 50, 200] {
            let (simulation, (), _) = simulate(&pair(loss, delay), |_| ());
            let goodput = simulation.summary().nodes[1].goodput / 1e6;
            let _ = write!(table, "{goodput:9.2}");
        }
        table.push('\n');
    }
    insta::with_settings!({ omit_expression => true }, {
        insta::assert_snapshot!("goodput", table);
    });
}

/// A line of 8 Mbit/s with 300 ms of queue, and a leecher that wants more than
/// goes through it; `others` may compete.
fn line(seconds: u32, target: u32, others: &str) -> String {
    format!(
        r#"
        seed = 2
        duration = "{seconds} s"
        [defaults.uplink]
        delay = "10 ms"
        [defaults.downlink]
        delay = "10 ms"
        [[bottlenecks]]
        name = "line"
        link = {{ bandwidth = "8 Mbit/s", queue = "300 kB" }}
        [content]
        kind = "static"
        size = "64 MiB"
        [[nodes]]
        name = "seeder"
        role = "seeder"
        policies = {{ ledbat_target = "{target} ms" }}
        uplink_via = ["line"]
        [[nodes]]
        name = "leecher"
        role = "leecher"
        {others}
        "#
    )
}

fn summary(text: &str) -> Summary {
    let (simulation, (), ending) = simulate(text, |_| ());
    assert_eq!(ending, Ending::TimeLimit);
    let leecher = node(&simulation, "leecher");
    let peer = simulation
        .network()
        .node(leecher)
        .and_then(Participant::peer);
    assert_eq!(peer.expect("a peer").totals().wrong, 0);
    simulation.summary()
}

#[test]
fn a_seeder_yields_to_other_traffic() {
    let flow = r#"
        [[nodes]]
        name = "flow"
        role = "reno"
        to = "sink"
        start = "5 s"
        uplink_via = ["line"]
        [[nodes]]
        name = "sink"
        role = "sink"
    "#;
    for target in [60, 100] {
        let text = line(45, target, flow);
        let before = summary(&text.replace("\"45 s\"", "\"5 s\"")).nodes[1].received_bytes;
        let all = summary(&text);
        let share = (all.nodes[1].received_bytes - before) as f64 * 8.0 / 40.0 / 8e6;
        println!("{target} ms: {:.1} % beside Reno", share * 100.0);
        assert!(share < 0.2, "{target} ms: {share}");
        let line = &all.links[0];
        assert!(line.utilisation.expect("a bandwidth") > 0.9);
    }
}

#[test]
fn a_seeder_takes_an_idle_line_and_keeps_its_queue_at_the_target() {
    for target in [60, 100] {
        let all = summary(&line(40, target, ""));
        let (line, leecher) = (&all.links[0], &all.nodes[1]);
        let share = leecher.goodput / 8e6;
        let busy = line.utilisation.expect("a bandwidth");
        let wait = line.mean_queueing_delay * 1e3;
        println!(
            "{target} ms: {:.1} % busy, {:.1} % content, queue {wait:.1} ms, {:.1} ms at most",
            busy * 100.0,
            share * 100.0,
            line.longest_queueing_delay * 1e3,
        );
        assert!(busy >= 0.9 && share >= 0.85, "{target} ms: {busy}, {share}");
        let target = f64::from(target);
        assert!((0.7 * target..1.3 * target).contains(&wait), "{wait} ms");
    }
}
