//! What the screens look like, and that no key and no size of the window harms
//! them. A change in a snapshot is a change that users see: `INSTA_UPDATE=always`
//! writes them again, and the difference belongs into the review.

use std::path::Path;

use ppspp_dissector::session::Config;
use ratatui::crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::app::App;
use super::config::Environment;
use super::keys::Action;
use super::stage::{COLOURS, app_of, drawn, over, press, text, typed, with};
use crate::capture::Input;
use crate::index::{Keep, Store};
use crate::pipeline::Manner;

const SIZES: [(u16, u16); 2] = [(80, 24), (200, 60)];

/// Compares the screen in both sizes with its snapshot.
fn assert_screen(name: &str, app: &mut App) {
    for (width, height) in SIZES {
        let screen = text(&drawn(app, width, height));
        let suffix = format!("{width}x{height}");
        insta::with_settings!({snapshot_suffix => suffix, omit_expression => true}, {
            insta::assert_snapshot!(name.to_owned(), screen);
        });
    }
}

#[test]
fn packets_show_the_list_the_tree_and_the_bytes() {
    let mut app = over("merkle-one-bad-chunk");
    assert_screen("packets", &mut app);
    typed(&mut app, "5j<enter>jjjj");
    assert_screen("packets-field", &mut app);
    typed(&mut app, "<esc>t");
    assert_screen("packets-delta-times", &mut app);
    typed(
        &mut app,
        "t:set columns frame,channel,length,latency,finding,messages<enter>",
    );
    assert_screen("packets-columns", &mut app);
}

#[test]
fn findings_tell_what_the_rfc_asks_and_lead_to_the_datagram() {
    let mut app = over("deviations");
    typed(&mut app, "6<pause>jj<enter>j");
    assert_screen("findings", &mut app);
    typed(&mut app, "<enter>");
    assert_screen("findings-jump", &mut app);
}

#[test]
fn swarms_are_listed_and_opened() {
    let mut app = over("two-swarms-one-socket");
    typed(&mut app, "2");
    assert_screen("swarms", &mut app);
    let mut app = over("merkle-one-bad-chunk");
    typed(&mut app, "2<pause><enter>m");
    assert_screen("swarm", &mut app);
    typed(&mut app, "4l");
    assert_screen("swarm-other-chunk", &mut app);
    let mut app = over("live-unified-merkle");
    typed(&mut app, "2<pause><enter>mG");
    assert_screen("swarm-live", &mut app);
}

#[test]
fn availability_is_shown_as_it_was_at_any_time() {
    let mut app = over("merkle-one-bad-chunk");
    typed(&mut app, "2<pause><enter>m");
    let cells = |app: &mut App| {
        let screen = text(&drawn(app, 120, 40));
        let peers = screen
            .lines()
            .filter(|line| line.contains(":50161") || line.contains(":6778"));
        let count = |line: &str| line.matches('█').count();
        let mut counts = peers.map(count);
        (counts.next().unwrap_or(0), counts.next().unwrap_or(0))
    };
    assert_eq!(
        cells(&mut app),
        (16, 16),
        "the leecher has come as far as the seeder"
    );
    typed(&mut app, "gg");
    assert_eq!(cells(&mut app), (0, 0), "nobody has said anything");
    let mut before = 0;
    for _ in 0..64 {
        typed(&mut app, "l");
        let (leecher, seeder) = cells(&mut app);
        assert!(leecher >= before, "what was announced stays");
        assert!(seeder == 16 || leecher == 0, "the seeder announces first");
        before = leecher;
    }
    typed(&mut app, "20h");
    assert_screen("swarm-earlier", &mut app);
    typed(&mut app, "<enter>");
    assert!(app.common.row > 0 && app.common.row + 1 < app.common.store.len());
}

#[test]
fn the_source_of_a_stream_and_its_viewers_are_told_apart() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    let mut app = app_of(&folder.join("simulated-live-relay.pcapng"), COLOURS);
    typed(&mut app, "2<pause><enter>m");
    let screen = text(&drawn(&mut app, 120, 40));
    assert_eq!(screen.matches("  source").count(), 1, "{screen}");
    assert_eq!(screen.matches("  received ✓").count(), 3, "{screen}");
    // The lag alone: each viewer, as far behind as it is under the cursor.
    typed(&mut app, "5<pause>");
    drawn(&mut app, 120, 40);
    typed(&mut app, "5j<tab>40l");
    assert_screen("graphs-lag", &mut app);
}

#[test]
fn a_node_of_the_tree_leads_to_the_frame_that_brought_its_hash() {
    let mut app = over("merkle-one-bad-chunk");
    // The chunk's sibling came as a hash in frame 4.
    typed(&mut app, "2<pause><enter><tab>");
    drawn(&mut app, 120, 40);
    typed(&mut app, "j<enter>");
    assert_eq!(app.common.row, 3);
    // The leaf itself is computed from the chunk, which leads to where that came.
    typed(&mut app, "2<pause><tab>4<right>");
    drawn(&mut app, 120, 40);
    typed(&mut app, "<tab><enter>");
    let screen = text(&drawn(&mut app, 120, 40));
    assert!(screen.contains("DATA 4"), "{screen}");
}

#[test]
fn captures_without_anything_say_why_and_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("capture.pcap");
    let head = "d4c3b2a10200040000000000000000000000040001000000";
    // A DNS answer over Ethernet, IPv4 and UDP.
    let frame = "0000000000000000000000000800\
                 4500002c00010000401100000a0000010a000002\
                 003514e9001800001234818000010000000000006162636461626364";
    let bytes = |digits: &str| -> Vec<u8> {
        let digit = |place| u8::from_str_radix(&digits[place..place + 2], 16).expect("digits");
        (0..digits.len()).step_by(2).map(digit).collect()
    };
    let frame = bytes(frame);
    let mut with_frame = bytes(head);
    for field in [1, 0, frame.len() as u32, frame.len() as u32] {
        with_frame.extend(field.to_le_bytes());
    }
    with_frame.extend(frame);
    for (contents, expected) in [
        (bytes(head), "The capture is empty"),
        (with_frame, "No PPSPP datagram among 1 frames; 1 carry"),
    ] {
        std::fs::write(&path, contents).expect("written");
        let mut app = app_of(&path, COLOURS);
        for view in ["1", "3"] {
            typed(&mut app, view);
            for (width, height) in SIZES {
                let screen = text(&drawn(&mut app, width, height));
                assert!(screen.contains(expected), "{screen}");
            }
        }
        for view in ["2", "4", "5", "6"] {
            typed(&mut app, view);
            typed(&mut app, "jG<enter>m<tab>c<esc>");
            drawn(&mut app, 80, 24);
        }
    }
}

#[test]
fn the_flow_folds_runs_and_compares_datagrams() {
    let mut app = over("live-libswift");
    typed(&mut app, "3");
    assert_screen("flow", &mut app);
    let mut app = over("two-swarms-one-socket");
    typed(&mut app, "3<pause>jjc");
    assert_screen("flow-channel", &mut app);
    typed(&mut app, " j ");
    assert_screen("flow-compare", &mut app);
}

#[test]
fn channels_are_a_table_that_can_be_sorted() {
    let mut app = over("two-swarms-one-socket");
    typed(&mut app, "4<pause>");
    assert_screen("channels", &mut app);
    typed(&mut app, "sssssr<right><right><right>");
    assert_screen("channels-sorted", &mut app);
}

#[test]
fn graphs_show_figures_over_time() {
    let mut app = over("live-unified-merkle");
    typed(&mut app, "5<pause>10l");
    assert_screen("graphs", &mut app);
    typed(&mut app, "c+");
    assert_screen("graphs-channel", &mut app);
}

#[test]
fn a_filter_is_completed_coloured_and_applied() {
    let mut app = over("deviations");
    typed(&mut app, "/ppspp.find");
    assert_screen("filter-completion", &mut app);
    typed(&mut app, "ing.severity == \"error\" &&");
    assert_screen("filter-unfinished", &mut app);
    typed(&mut app, " ppspp.msg.type == \"DATA\"<enter>");
    assert_screen("filter-applied", &mut app);
    typed(&mut app, "<esc>");
    assert!(text(&drawn(&mut app, 80, 24)).contains("/ filter"));
}

#[test]
fn help_tells_the_keys_of_the_view_and_those_everywhere() {
    let mut app = over("deviations");
    typed(&mut app, "?");
    assert_screen("help", &mut app);
    typed(&mut app, "<esc>3<pause>?");
    assert_screen("help-flow", &mut app);
}

#[test]
fn terminals_without_unicode_get_ascii() {
    let ascii = Environment {
        utf8: false,
        ..COLOURS
    };
    let mut app = with("merkle-one-bad-chunk", ascii);
    for view in [
        "1",
        "2",
        "2<pause><enter>m",
        "3",
        "4",
        "5",
        "6",
        "1<pause>?",
    ] {
        typed(&mut app, view);
        for (width, height) in SIZES {
            let screen = text(&drawn(&mut app, width, height));
            assert!(screen.is_ascii(), "{view}\n{screen}");
        }
    }
    typed(&mut app, "<esc>1");
    assert_screen("ascii", &mut app);
}

/// The bytes that are drawn as those of the selected field.
fn highlighted(app: &mut App) -> Vec<String> {
    let style = app.common.settings.theme.bytes;
    let buffer = drawn(app, 200, 60);
    let width = usize::from(buffer.area().width);
    let mut bytes = Vec::new();
    for line in buffer.content().chunks(width) {
        let line: String = line
            .iter()
            .skip(128)
            .map(|cell| {
                if cell.style().bg == style.bg {
                    cell.symbol()
                } else {
                    " "
                }
            })
            .collect();
        let words = line
            .split_whitespace()
            .filter(|word| word.len() == 2 && word.bytes().all(|byte| byte.is_ascii_hexdigit()));
        bytes.extend(words.map(str::to_owned));
    }
    bytes
}

#[test]
fn a_field_and_its_bytes_lead_to_each_other() {
    let mut app = over("merkle-one-bad-chunk");
    // The first datagram's tree: heading, channel, swarm, how it is read,
    // HANDSHAKE, source channel.
    typed(&mut app, "<enter>5j");
    let channel = highlighted(&mut app);
    assert_eq!(channel.len(), 4, "a channel ID: {channel:?}");
    typed(&mut app, "jj");
    assert_eq!(highlighted(&mut app), ["01", "01"], "minimum version");
    // To the bytes: the one behind is the swarm ID's code.
    typed(&mut app, "<tab><right><right>");
    let id = highlighted(&mut app);
    // The code, 02, bears the cursor; a length of 20 and the ID follow it.
    assert_eq!((id.len(), id[1].as_str()), (22, "14"), "{id:?}");
}

#[test]
fn frames_are_gone_to_and_marked_ones_come_back() {
    let mut app = over("deviations");
    typed(&mut app, ":goto 12<enter>");
    assert_eq!(app.common.row, 11);
    typed(&mut app, " 5G gg");
    assert_eq!(app.common.row, 0);
    typed(&mut app, "n");
    assert_eq!(app.common.row, 4);
    typed(&mut app, "n");
    assert_eq!(app.common.row, 11);
    typed(&mut app, "N");
    assert_eq!(app.common.row, 4);
    typed(&mut app, ":goto 1000<enter>");
    assert!(text(&drawn(&mut app, 80, 24)).contains("there is no datagram in frame 1000"));
}

#[test]
fn marked_or_shown_datagrams_are_written() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let mut app = over("deviations");
    typed(&mut app, " jj ");
    let marked = path("marked.pcapng");
    typed(&mut app, &format!(":write {marked}<enter>"));
    assert!(text(&drawn(&mut app, 200, 24)).contains("2 datagrams written to"));
    typed(&mut app, &format!(":write {marked}<enter>"));
    assert!(text(&drawn(&mut app, 200, 24)).contains("exists"));
    typed(
        &mut app,
        &format!(
            ":unmark<enter>/frame.number in {{1..10}}<enter>:export {}<enter>",
            path("shown.jsonl")
        ),
    );
    let lines = std::fs::read_to_string(path("shown.jsonl")).expect("written");
    assert_eq!(lines.lines().count(), 10);
    let mut store = Store::open(
        &[Input::File(marked.into())],
        Config::default(),
        Manner {
            quiet: true,
            ..Manner::default()
        },
        Keep::ALL,
    )
    .expect("a capture");
    store.wait();
    assert_eq!(store.len(), 2);
}

#[test]
fn what_is_copied_is_what_is_selected() {
    let mut app = over("merkle-one-bad-chunk");
    typed(&mut app, "<enter>5jy");
    let copied = app.clipboard.take().expect("copied");
    assert!(copied.starts_with("Source channel: "), "{copied}");
    typed(&mut app, "<tab>y");
    let digits = app.clipboard.take().expect("copied");
    assert_eq!(copied.trim_start_matches("Source channel: "), digits);
}

#[test]
fn the_mouse_selects_what_it_points_at() {
    let mut app = over("deviations");
    drawn(&mut app, 80, 24);
    let click = |app: &mut App, column, row| {
        app.mouse(MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column,
            row,
            modifiers: KeyModifiers::NONE,
        });
        drawn(app, 80, 24);
    };
    click(&mut app, 10, 6);
    assert_eq!(app.common.row, 3);
    click(&mut app, 27, 1);
    assert!(
        text(&drawn(&mut app, 80, 24)).contains("latency"),
        "the flow"
    );
    for (column, row) in [(0, 0), (79, 23), (40, 12), (200, 90)] {
        click(&mut app, column, row);
    }
}

/// `PPSP_WRITE_DOCS=1` writes it again.
#[test]
fn the_picture_in_the_documentation_is_a_real_screen() {
    let mut app = over("deviations");
    typed(&mut app, ":goto 15<enter><enter>11j");
    let picture = super::picture::svg(&drawn(&mut app, 112, 32));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/tui.svg");
    if std::env::var_os("PPSP_WRITE_DOCS").is_some() {
        std::fs::write(&path, &picture).expect("written");
    }
    let kept = std::fs::read_to_string(&path).expect("docs/tui.svg");
    assert!(kept == picture, "docs/tui.svg is not the screen any more");
}

/// A small generator of numbers: what is typed at random is the same every time.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn no_size_and_no_key_harms_any_view() {
    let mut state = 0x9e37_79b9_7f4a_7c15;
    for sample in ["deviations", "live-unified-merkle", "every-message"] {
        let mut app = over(sample);
        for size in 0..=400_u64 {
            let (width, height) = match size {
                0..=63 => (size as u16 % 8, size as u16 / 8),
                _ => (
                    1 + (random(&mut state) % 210) as u16,
                    1 + (random(&mut state) % 70) as u16,
                ),
            };
            drawn(&mut app, width.max(1), height.max(1));
            for _ in 0..4 {
                let number = random(&mut state) as usize % Action::ALL.len();
                let action = Action::ALL[number];
                if !matches!(action, Action::Quit | Action::Filter | Action::Command) {
                    let count = random(&mut state)
                        .is_multiple_of(4)
                        .then(|| random(&mut state) as usize % 300);
                    app.act(action, count);
                }
                app.mouse(MouseEvent {
                    kind: [
                        MouseEventKind::Down(MouseButton::Left),
                        MouseEventKind::ScrollDown,
                        MouseEventKind::ScrollUp,
                    ][random(&mut state) as usize % 3],
                    column: random(&mut state) as u16 % 220,
                    row: random(&mut state) as u16 % 80,
                    modifiers: KeyModifiers::NONE,
                });
            }
        }
    }
}

#[test]
fn random_typing_into_the_prompts_harms_nothing() {
    let mut state = 0x1234_5678_9abc_def1;
    let mut app = over("every-message");
    let keys = [
        KeyCode::Tab,
        KeyCode::BackTab,
        KeyCode::Left,
        KeyCode::Right,
        KeyCode::Up,
        KeyCode::Down,
        KeyCode::Backspace,
        KeyCode::Delete,
        KeyCode::Home,
        KeyCode::End,
    ];
    let characters: Vec<char> = "ppspp.msg set (\"'&|=!<>{}[]:/0123 wqµ✓".chars().collect();
    for _ in 0..60 {
        press(
            &mut app,
            KeyCode::Char(if random(&mut state).is_multiple_of(2) {
                '/'
            } else {
                ':'
            }),
        );
        for _ in 0..25 {
            let choice = random(&mut state) as usize;
            if choice.is_multiple_of(3) {
                press(&mut app, keys[choice / 3 % keys.len()]);
            } else {
                press(
                    &mut app,
                    KeyCode::Char(characters[choice / 3 % characters.len()]),
                );
            }
            drawn(
                &mut app,
                1 + (random(&mut state) % 100) as u16,
                1 + (random(&mut state) % 30) as u16,
            );
        }
        press(&mut app, KeyCode::Esc);
        app.quits = false;
    }
}
