//! What the screens show of a capture that goes on: standing still, staying at the
//! newest, beginning anew, and what is let go meanwhile.

use std::io::{PipeWriter, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use ppspp_dissector::session::Config;

use super::app::App;
use super::config::{Environment, Settings};
use super::stage::{drawn, text, typed};
use crate::capture::Capture;
use crate::index::{Keep, Store};
use crate::output::TimeStyle;
use crate::pipeline::Manner;

/// A user interface over a pipe, and what is going to be written into that.
struct Endless {
    app: App,
    pipe: Option<PipeWriter>,
    packets: Vec<u8>,
    written: usize,
    arrived: usize,
}

impl Endless {
    fn new(datagrams: u64) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
        let mut header = std::fs::read(folder.join("deviations.pcap")).expect("a capture");
        let packets = header.split_off(24);
        let (reader, mut pipe) = std::io::pipe().expect("a pipe");
        pipe.write_all(&header).expect("written");
        let capture = Capture::from_reader("a pipe", reader).expect("a capture");
        let manner = Manner {
            quiet: true,
            at_once: true,
            ..Manner::default()
        };
        let keep = Keep {
            datagrams,
            ..Keep::OF_LIVE
        };
        let name = "a pipe".to_owned();
        let config = Config {
            verify: true,
            ..Config::default()
        };
        let store = Store::open_capture(capture, name, config, manner, keep).expect("a store");
        let environment = Environment {
            utf8: true,
            colour: true,
            full_colour: true,
            light: false,
        };
        let settings = Settings::parse("", environment).expect("settings");
        Self {
            app: App::new(store, settings, TimeStyle::Relative),
            pipe: Some(pipe),
            packets,
            written: 0,
            arrived: 0,
        }
    }

    /// Brings so many datagrams more, from the sample's beginning again at its end.
    fn brings(&mut self, count: usize) -> &mut Self {
        for _ in 0..count {
            let at = self.written;
            let length = self.packets[at + 8..at + 12].try_into().expect("bytes");
            let end = at + 16 + u32::from_le_bytes(length) as usize;
            let pipe = self.pipe.as_mut().expect("a pipe");
            pipe.write_all(&self.packets[at..end]).expect("written");
            self.written = if end == self.packets.len() { 0 } else { end };
        }
        self.arrived += count;
        let (begin, arrived) = (Instant::now(), self.arrived);
        let store = &self.app.common.store;
        let has_come = || store.len() + store.meanwhile().unwrap_or(0) >= arrived;
        while !has_come() {
            assert!(begin.elapsed() < Duration::from_secs(30), "nothing comes");
            std::thread::sleep(Duration::from_millis(1));
        }
        self
    }

    fn types(&mut self, keys: &str) -> &mut Self {
        typed(&mut self.app, keys);
        self
    }

    fn screen(&mut self) -> String {
        text(&drawn(&mut self.app, 150, 30))
    }

    fn title(&mut self) -> String {
        self.screen().lines().next().unwrap_or_default().to_owned()
    }

    /// The screen without its first and last line.
    fn view(&mut self) -> String {
        let screen = self.screen();
        let lines: Vec<&str> = screen.lines().skip(1).collect();
        lines[..lines.len() - 1].join("\n")
    }

    /// The frame that the cursor is at.
    fn frame(&mut self) -> u64 {
        let screen = self.screen();
        let line = screen.lines().find(|line| line.starts_with(['>', '*']));
        let line = line.unwrap_or_else(|| panic!("no cursor:\n{screen}"));
        let number = line[1..].split_whitespace().next().expect("a number");
        number.parse().expect("a number")
    }
}

#[test]
fn a_pause_stands_still_in_every_view_and_says_how_many_came() {
    let mut it = Endless::new(1000);
    it.brings(15).types("p");
    assert!(it.title().contains("PAUSED, 0 came"), "{}", it.title());
    for view in ["1", "2", "2<pause><enter>", "3", "4", "5", "6"] {
        it.types(&format!("{view}<pause><esc>"));
        let before = it.view();
        it.brings(3);
        assert_eq!(it.view(), before, "view {view}");
    }
    assert!(it.title().contains("PAUSED, 21 came"), "{}", it.title());
    assert!(it.title().contains(" 15 datagrams"), "{}", it.title());
    it.types("1<pause>p");
    assert!(it.screen().contains("going on: 21 came meanwhile"));
    assert!(it.title().contains(" 36 datagrams"), "{}", it.title());
    assert!(!it.title().contains("PAUSED"));
}

#[test]
fn following_goes_to_the_newest_and_stays_there() {
    for view in ["1", "3"] {
        let mut it = Endless::new(1000);
        it.brings(10).types(&format!("{view}<pause>f"));
        let newest = |it: &mut Endless| {
            it.types("1<pause>");
            let frame = it.frame();
            it.types(&format!("{view}<pause>"));
            frame
        };
        assert_eq!(newest(&mut it), 10);
        it.brings(7);
        assert_eq!(newest(&mut it), 17);
        it.types("k");
        it.brings(3);
        assert!(newest(&mut it) < 17, "who moves follows no more");
        it.types("p");
        it.brings(2).types(":follow<enter>");
        assert_eq!(newest(&mut it), 22, "following ends a pause");
    }
}

#[test]
fn what_is_cleared_is_gone_and_counters_begin_at_nothing() {
    for view in [
        "1",
        "2<pause><enter>",
        "3",
        "3<pause>c",
        "4",
        "5",
        "5<pause>c",
        "6",
    ] {
        let mut it = Endless::new(1000);
        it.brings(20)
            .types(&format!(" 1<pause>{view}<pause>:clear<enter>"));
        let title = it.title();
        assert!(title.contains("  0 datagrams"), "{title}");
        assert!(title.contains("✓0 ✗0 ?0  ! 0"), "{title}");
        assert!(!it.screen().contains("marked"), "marks are gone");
        it.brings(5);
        assert!(it.title().contains("  5 datagrams"), "{}", it.title());
        it.types("1<pause>gg");
        assert_eq!(it.frame(), 21, "frames keep their numbers");
        it.types(&format!("{view}<pause>"));
        it.screen();
    }
}

#[test]
fn a_filter_goes_on_after_clearing() {
    let mut it = Endless::new(1000);
    it.brings(20);
    it.types("/ppspp.msg.type == \"HANDSHAKE\"<enter>C");
    assert!(it.screen().contains("0 of 0 shown"), "{}", it.screen());
    it.brings(40);
    let screen = it.screen();
    assert!(screen.contains("of 40 shown"), "{screen}");
    assert!(it.frame() > 20);
}

#[test]
fn a_capture_that_is_over_is_neither_paused_nor_cleared() {
    let mut it = Endless::new(1000);
    it.brings(40);
    it.pipe = None;
    it.app.common.store.wait();
    it.types("C");
    assert!(it.screen().contains("nothing more comes"));
    it.types("p");
    assert!(it.screen().contains("nothing to pause"));
    assert!(it.title().contains(" 40 datagrams"));
}

#[test]
fn the_cursor_stays_at_its_datagram_until_that_is_let_go() {
    for filter in ["", "/udp<enter>"] {
        let mut it = Endless::new(50);
        it.brings(40).types(filter).types("29j");
        assert_eq!(it.frame(), 30);
        it.brings(30);
        assert_eq!(it.frame(), 30);
        assert!(it.title().contains("20 let go"), "{}", it.title());
        it.brings(30);
        assert!(it.title().contains("50 let go"), "{}", it.title());
        assert_eq!(it.frame(), 51, "the first that is left");
        it.types("G");
        assert_eq!(it.frame(), 100);
        it.types("gg");
        assert_eq!(it.frame(), 51);
        it.types(":goto 60<enter>");
        assert_eq!(it.frame(), 60);
        it.types(":goto 7<enter>");
        assert_eq!(it.frame(), 51, "or the next one there is");
        if !filter.is_empty() {
            assert!(it.screen().contains("50 of 50 shown"), "{}", it.screen());
        }
    }
}

#[test]
fn marks_and_lines_of_the_flow_are_let_go_with_their_datagrams() {
    let mut it = Endless::new(50);
    it.brings(40).types("4j 30j ");
    assert!(it.screen().contains("2 marked"));
    it.brings(20);
    assert!(it.screen().contains("1 marked"), "{}", it.screen());
    it.types("gg").types("3<pause>");
    for _ in 0..20 {
        it.brings(13);
        let screen = it.screen();
        assert!(screen.lines().any(|line| line.starts_with('>')), "{screen}");
    }
    it.types("G<enter>");
    assert_eq!(it.frame(), 320);
    it.types("3<pause>gg<enter>");
    assert!(it.frame() > 270, "{}", it.frame());
}

#[test]
fn any_keys_while_datagrams_come_and_go_do_no_harm() {
    let mut state = 0x5eed_1234_9abc_def1_u64;
    let mut random = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as usize
    };
    let mut it = Endless::new(30);
    for _ in 0..400 {
        it.brings(random() % 9);
        let keys = [
            "1<pause>", "2<pause>", "3<pause>", "4<pause>", "5<pause>", "6<pause>",
        ];
        let more = [
            "j",
            "k",
            "G",
            "gg",
            "<enter>",
            "<esc>",
            "<tab>",
            " ",
            "c",
            "m",
            "n",
            "N",
            "f",
            "p",
            "C",
            "s",
            "+",
            "-",
            "l",
            "h",
            "y",
            "5j",
            "/udp<enter>",
        ];
        let all = keys.iter().chain(&more);
        let typed = all.cycle().nth(random() % 58).expect("keys");
        it.types(typed);
        drawn(
            &mut it.app,
            1 + (random() % 160) as u16,
            1 + (random() % 40) as u16,
        );
    }
}
