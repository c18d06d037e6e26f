//! How long a key takes to be drawn, in every view. Not a test that could fail on a
//! busy machine: it tells figures, of the capture that `PPSP_LARGE` names.
//!
//! `PPSP_LARGE=CAPTURE cargo test --release --lib tui::latency -- --ignored --nocapture`

use std::path::PathBuf;
use std::time::Instant;

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use rustix::time::{ClockId, clock_gettime};

use super::app::App;
use super::stage::{COLOURS, app_of, app_while_reading, type_only};

/// Nanoseconds that this thread has computed.
fn computed() -> i64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    now.tv_sec * 1_000_000_000 + now.tv_nsec
}

struct Longest {
    computing: i64,
    waiting: i64,
}

/// What the program does from a key on until it is drawn: the work that was begun
/// before it, the key, the screen.
fn once(app: &mut App, terminal: &mut Terminal<TestBackend>, keys: &str, longest: &mut Longest) {
    let (begin, before) = (Instant::now(), computed());
    app.work();
    type_only(app, keys);
    app.work();
    terminal
        .draw(|frame| app.draw(frame.buffer_mut()))
        .expect("drawn");
    longest.computing = longest.computing.max(computed() - before);
    longest.waiting = longest.waiting.max(begin.elapsed().as_nanos() as i64);
}

fn measure(app: &mut App, settled: bool) {
    let mut terminal = Terminal::new(TestBackend::new(200, 60)).expect("a terminal");
    let views = [
        (
            "packets",
            "1<pause>",
            &["j", "G", "gg", "<pagedown>", "n", "N"][..],
        ),
        (
            "packets, filtered",
            "/ppspp.msg.type == \"HAVE\"<enter>",
            &["G", "gg", "j", "n"],
        ),
        ("all again", "<esc>", &["j"]),
        ("swarms", "2<pause>", &["j", "k"]),
        (
            "swarm",
            "<enter>m",
            &[
                "h", "l", "gg", "G", "+", "<tab>", "j", "<tab>", "G", "+", "l",
            ],
        ),
        (
            "flow",
            "<esc><esc>3<pause>",
            &["j", "G", "gg", "<pagedown>", "n", "<right>", "<left>"],
        ),
        ("flow, one channel", "c", &["j", "G", "gg", "<pagedown>"]),
        ("flow, one swarm", "c", &["j", "G", "gg"]),
        ("flow, side", "<tab>", &["j", "G", "k"]),
        ("channels", "<tab>4<pause>", &["j", "G", "s", "r", "l"]),
        (
            "graphs",
            "5<pause>",
            &["l", "G", "+", "+", "-", "j", "<tab>", "<tab>"],
        ),
        ("graphs, one channel", "c", &["l", "G", "+"]),
        (
            "findings",
            "6<pause>",
            &["j", "<enter>", "j", "G", "<esc>", "k"],
        ),
        ("help", "?", &["j"]),
    ];
    for (name, way, keys) in views {
        let mut longest = Longest {
            computing: 0,
            waiting: 0,
        };
        once(app, &mut terminal, way, &mut longest);
        let there = longest.computing;
        // The first keys come while views are still being made.
        for round in 0..10 {
            for key in keys {
                once(app, &mut terminal, key, &mut longest);
            }
            if settled && round == 4 {
                while app.work() {}
            }
        }
        println!(
            "{name:<20} to it {:>5.1} ms; longest {:>5.1} ms of computing, {:>5.1} ms in all",
            there as f64 / 1e6,
            longest.computing as f64 / 1e6,
            longest.waiting as f64 / 1e6
        );
    }
    type_only(app, "<esc>");
}

#[test]
#[ignore = "tells figures, of a capture of a gigabyte"]
fn keys_are_drawn_soon() {
    let path = PathBuf::from(std::env::var_os("PPSP_LARGE").expect("PPSP_LARGE: a capture"));
    println!("while it is read:");
    let mut app = app_while_reading(&path, COLOURS);
    measure(&mut app, false);
    println!("indexed: {}", app.common.store.status().done);
    println!("once it is indexed:");
    let mut app = app_of(&path, COLOURS);
    measure(&mut app, true);
}
