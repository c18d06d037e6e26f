//! What the controller does on a path.

use std::time::Duration;

use super::LedbatConfig;
use super::model::{Clock, Model, Path, SEGMENT};

fn aiming_at(milliseconds: u64) -> LedbatConfig {
    LedbatConfig {
        target: Duration::from_millis(milliseconds),
        ..LedbatConfig::default()
    }
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_idle_link_is_used_with_the_target_for_a_queue() {
    for target in [25, 60, 100] {
        let mut model = Model::new(Path::home());
        model.flow(aiming_at(target));
        let first = model.run(seconds(30));
        let then = model.run(seconds(60));
        assert!(then.shares[0] > 0.97, "{then:?}");
        let target = Duration::from_millis(target);
        assert!(then.wait > target * 8 / 10 && then.longest < target * 12 / 10);
        assert!(
            first.longest < target + 2 * Duration::from_millis(40),
            "{first:?}"
        );
        assert_eq!(first.lost + then.lost, 0);
    }
}

#[test]
fn on_a_long_fat_path_slow_start_leaves_no_long_queue() {
    let path = Path {
        rate: 10_000_000,
        forward: Duration::from_millis(100),
        back: Duration::from_millis(100),
        ..Path::home()
    };
    let mut model = Model::new(path);
    model.flow(aiming_at(25));
    let first = model.run(seconds(10));
    let then = model.run(seconds(10));
    assert!(first.longest < Duration::from_millis(225), "{first:?}");
    assert!(then.shares[0] > 0.95, "{then:?}");
    assert!(then.wait < Duration::from_millis(35), "{then:?}");
}

#[test]
fn the_queue_stays_at_the_target_for_longer_than_the_base_history() {
    let config = LedbatConfig {
        base_history: 4,
        ..aiming_at(60)
    };
    let mut model = Model::new(Path::home());
    model.flow(config);
    model.run(seconds(60));
    let then = model.run(seconds(1200));
    let last = model.run(seconds(120));
    assert!(then.shares[0] > 0.98 && last.shares[0] > 0.98);
    assert!(then.longest < Duration::from_millis(80), "{then:?}");
    assert!(last.wait < Duration::from_millis(65), "{last:?}");
}

#[test]
fn it_yields_to_a_flow_that_fills_the_queue_and_returns_after_it() {
    let path = Path {
        buffer: Duration::from_millis(300),
        ..Path::home()
    };
    let mut model = Model::new(path);
    model.flow(aiming_at(60));
    model.run(seconds(20));
    // Without delays it is as TCP is.
    model.flow(LedbatConfig::default()).delays = false;
    model.run(seconds(30));
    let shared = model.run(seconds(60));
    model.flows[1].stopped = true;
    model.run(seconds(20));
    let alone = model.run(seconds(20));
    assert!(
        shared.shares[0] < 0.1 && shared.shares[1] > 0.85,
        "{shared:?}"
    );
    assert!(alone.shares[0] > 0.95, "{alone:?}");
}

#[test]
fn two_flows_of_one_target_share_a_link() {
    let mut model = Model::new(Path::home());
    model.flow(aiming_at(60));
    model.flow(aiming_at(60));
    model.run(seconds(60));
    let shared = model.run(seconds(60));
    assert!(shared.shares.iter().sum::<f64>() > 0.97);
    assert!(shared.shares.iter().all(|share| *share > 0.2), "{shared:?}");
}

#[test]
fn without_delays_or_with_a_short_queue_loss_alone_limits_it() {
    for delays in [false, true] {
        let path = Path {
            buffer: Duration::from_millis(40),
            ..Path::home()
        };
        let mut model = Model::new(path);
        model.flow(LedbatConfig::default()).delays = delays;
        model.run(seconds(20));
        let then = model.run(seconds(60));
        assert!(then.shares[0] > 0.9 && then.lost > 0, "{then:?}");
        assert_eq!(model.flows[0].timeouts, 0);
    }
}

#[test]
fn late_and_bundled_acknowledgements_do_not_hold_it_back() {
    let path = Path {
        timer: Duration::from_millis(100),
        ..Path::home()
    };
    let mut model = Model::new(path);
    model.flow(LedbatConfig::default());
    model.run(seconds(60));
    let then = model.run(seconds(60));
    assert!(then.shares[0] > 0.9, "{then:?}");
    assert_eq!(model.flows[0].timeouts, 0);
}

#[test]
fn a_loopback_transfer_is_not_held_back() {
    let path = Path {
        rate: 200_000_000,
        buffer: Duration::from_millis(1),
        forward: Duration::from_micros(20),
        back: Duration::from_micros(20),
        ..Path::home()
    };
    let mut model = Model::new(path);
    model.flow(aiming_at(25));
    let first = model.run(Duration::from_millis(100));
    let then = model.run(Duration::from_millis(400));
    assert!(first.shares[0] > 0.9 && then.shares[0] > 0.95);
}

#[test]
fn it_survives_an_outage() {
    let mut model = Model::new(Path::home());
    model.flow(aiming_at(60));
    model.run(seconds(20));
    model.path.down = true;
    model.run(seconds(10));
    let tried = model.flows[0].timeouts;
    assert!((4..7).contains(&tried), "{tried}");
    assert_eq!(model.flows[0].ledbat.window(), SEGMENT);
    model.path.down = false;
    // It tries again when its timeout is over, which has doubled each time.
    model.run(model.flows[0].ledbat.timeout());
    let back = model.run(seconds(10));
    let then = model.run(seconds(10));
    assert!(back.shares[0] > 0.8 && then.shares[0] > 0.97, "{then:?}");
    assert_eq!(model.flows[0].ledbat.timeout(), Duration::from_millis(200));
}

#[test]
fn a_longer_route_costs_throughput_for_the_base_history_only() {
    let config = LedbatConfig {
        base_history: 3,
        ..aiming_at(25)
    };
    let mut model = Model::new(Path::home());
    model.flow(config);
    model.run(seconds(60));
    // As long as the old round trip: it looks like a queue over the target.
    model.path.forward += Duration::from_millis(30);
    model.run(seconds(20));
    let throttled = model.run(seconds(60));
    model.run(seconds(150));
    let then = model.run(seconds(60));
    assert!(throttled.shares[0] < 0.3, "{throttled:?}");
    assert!(then.shares[0] > 0.95, "{then:?}");
    // A shorter one costs nothing, but the queue of that moment counts as base.
    model.path.forward -= Duration::from_millis(45);
    model.run(seconds(10));
    let shorter = model.run(seconds(60));
    assert!(shorter.shares[0] > 0.95 && shorter.wait < Duration::from_millis(55));
}

#[test]
fn a_jump_of_a_clock_does_not_stall_it() {
    let hours = 3 * 3600 * 1_000_000;
    for offset in [hours, -hours] {
        let mut model = Model::new(Path::home());
        model.flow(aiming_at(60));
        model.run(seconds(30));
        model.flows[0].clock.offset += offset;
        let then = model.run(seconds(30));
        assert!(then.shares[0] > 0.97, "{then:?}");
        assert!(then.wait < Duration::from_millis(70), "{then:?}");
    }
}

#[test]
fn clocks_of_different_speeds_cost_nothing() {
    for (skew, target) in [(200, 25), (-200, 25), (100, 100), (-400, 100), (400, 60)] {
        let path = Path {
            rate: 200_000,
            ..Path::home()
        };
        let mut model = Model::new(path);
        model.flow(aiming_at(target)).clock = Clock { offset: -77, skew };
        model.run(seconds(600));
        let then = model.run(seconds(300));
        assert!(then.shares[0] > 0.95, "{then:?}");
        assert!(then.wait < Duration::from_millis(target + 13), "{then:?}");
    }
}
