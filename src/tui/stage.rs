//! What tests of the screens share: the user interface over a capture, keys for it,
//! and what it draws.

use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use ppspp_dissector::session::Config;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::style::{Color, Style};

use super::app::App;
use super::config::{Environment, Settings};
use crate::capture::Input;
use crate::index::{Keep, Store};
use crate::output::TimeStyle;
use crate::pipeline::Manner;

/// A terminal that can show everything.
pub(super) const COLOURS: Environment = Environment {
    utf8: true,
    colour: true,
    full_colour: true,
    light: false,
};

/// The sample captures, and those of other implementations in `$PPSP_CAPTURES`.
pub(super) fn captures() -> Vec<PathBuf> {
    let mut folders = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join("captures")];
    match std::env::var_os("PPSP_CAPTURES") {
        Some(folder) => folders.push(folder.into()),
        None => println!("skipped: PPSP_CAPTURES names no folder with captures of others"),
    }
    let mut captures = Vec::new();
    for folder in folders {
        let files = std::fs::read_dir(&folder).expect("a folder");
        let paths = files.map(|entry| entry.expect("an entry").path());
        captures.extend(paths.filter(|path| {
            let ending = path.extension().unwrap_or_default();
            ending == "pcap" || ending == "pcapng"
        }));
    }
    captures.sort();
    assert!(captures.len() > 10);
    captures
}

/// The user interface over a sample capture that is indexed.
pub(super) fn over(sample: &str) -> App {
    with(sample, COLOURS)
}

/// The same on another terminal.
pub(super) fn with(sample: &str, environment: Environment) -> App {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("captures");
    app_of(&folder.join(format!("{sample}.pcap")), environment)
}

/// The user interface over any capture, which is indexed.
pub(super) fn app_of(path: &Path, environment: Environment) -> App {
    let mut app = app_while_reading(path, environment);
    app.common.store.wait();
    app
}

/// The user interface over a capture that is still being read.
pub(super) fn app_while_reading(path: &Path, environment: Environment) -> App {
    let inputs = [Input::File(path.to_owned())];
    let config = Config {
        verify: true,
        ..Config::default()
    };
    let manner = Manner {
        quiet: true,
        at_once: false,
        jobs: NonZeroUsize::MIN,
    };
    let store = Store::open(&inputs, config, manner, Keep::ALL).expect("a capture");
    let settings = Settings::parse("", environment).expect("settings");
    App::new(store, settings, TimeStyle::Relative)
}

/// Types words, and lets everything be worked out: `<down>` and the like are keys,
/// everything else is characters. A digit that stands alone chooses a view.
pub(super) fn typed(app: &mut App, text: &str) {
    type_only(app, text);
    while app.work() {}
}

/// Types words and no more.
pub(super) fn type_only(app: &mut App, text: &str) {
    for word in text.split_inclusive('>') {
        let (plain, named) = match word.split_once('<') {
            Some((plain, name)) => (plain, name.strip_suffix('>')),
            None => (word, None),
        };
        for character in plain.chars() {
            press(app, KeyCode::Char(character));
        }
        let Some(name) = named else {
            continue;
        };
        let code = match name {
            "enter" => KeyCode::Enter,
            "esc" => KeyCode::Esc,
            "tab" => KeyCode::Tab,
            "down" => KeyCode::Down,
            "right" => KeyCode::Right,
            "left" => KeyCode::Left,
            "pagedown" => KeyCode::PageDown,
            "pause" => {
                app.patience_ends();
                continue;
            }
            other => panic!("no key {other}"),
        };
        press(app, code);
    }
    app.patience_ends();
}

/// Types one key.
pub(super) fn press(app: &mut App, code: KeyCode) {
    app.key(KeyEvent::new(code, KeyModifiers::NONE));
}

/// The screen, once there is nothing more to be worked out.
pub(super) fn drawn(app: &mut App, width: u16, height: u16) -> Buffer {
    let backend = TestBackend::new(width, height);
    let mut terminal = Terminal::new(backend).expect("a terminal");
    for _ in 0..2 {
        while app.work() {}
        terminal
            .draw(|frame| app.draw(frame.buffer_mut()))
            .expect("drawn");
    }
    terminal.backend().buffer().clone()
}

/// The parts of a screen that have a style, a line each: where they stand, their
/// style, their text.
pub(super) fn styles(buffer: &Buffer) -> String {
    let mut told = String::new();
    for (line, x, style, text) in runs(buffer) {
        if style == Style::default() || text.trim().is_empty() && style.bg.is_none() {
            continue;
        }
        let colour = |colour: Option<Color>| colour.map_or_else(String::new, |c| format!(" {c}"));
        let (fg, bg) = (colour(style.fg), colour(style.bg));
        let on = if bg.is_empty() { "" } else { " on" };
        let modifier = style.add_modifier;
        let modifier = if modifier.is_empty() {
            String::new()
        } else {
            format!(" {modifier:?}")
        };
        // Writing to a String does not fail.
        let _ = writeln!(
            told,
            "{line:>2} {x:>3}{fg}{on}{bg}{modifier}: {}",
            text.trim_end()
        );
    }
    told
}

/// Runs of neighbouring cells in the same style: line, column, style, text.
pub(super) fn runs(buffer: &Buffer) -> Vec<(usize, usize, Style, String)> {
    let width = usize::from(buffer.area().width).max(1);
    let mut runs: Vec<(usize, usize, Style, String)> = Vec::new();
    for (line, cells) in buffer.content().chunks(width).enumerate() {
        for (x, cell) in cells.iter().enumerate() {
            let set = |colour: Color| Some(colour).filter(|colour| *colour != Color::Reset);
            let style = Style {
                fg: set(cell.fg),
                bg: set(cell.bg),
                add_modifier: cell.modifier,
                ..Style::default()
            };
            match runs.last_mut() {
                Some((of, _, before, text)) if *of == line && *before == style => {
                    text.push_str(cell.symbol());
                }
                _ => runs.push((line, x, style, cell.symbol().to_owned())),
            }
        }
    }
    runs
}

/// What stands on a screen.
pub(super) fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area().width).max(1);
    let mut text = String::new();
    for line in buffer.content().chunks(width) {
        let line: String = line.iter().map(ratatui::buffer::Cell::symbol).collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
