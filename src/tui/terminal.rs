//! The terminal: taken over, given back whatever happens, and the loop between.

use std::io::{self, Write as _};
use std::panic;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use base64::Engine as _;
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::event::{
    self, DisableMouseCapture, EnableMouseCapture, Event, KeyEventKind,
};
use ratatui::crossterm::execute;
use ratatui::crossterm::terminal::{
    EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::app::{App, DIGIT_PATIENCE};

/// How often the screen is drawn while the capture is read.
const WHILE_READING: Duration = Duration::from_millis(100);

/// How often signals are looked for where nothing happens.
const IDLE: Duration = Duration::from_millis(250);

/// Bytes that are copied to the clipboard at most: terminals take no more.
const MOST_COPIED: usize = 72 * 1024;

/// A terminal that is given back when this is dropped.
struct Taken {
    terminal: Terminal<CrosstermBackend<io::Stdout>>,
}

impl Taken {
    fn take(mouse: bool) -> io::Result<Self> {
        enable_raw_mode()?;
        // From here on, whatever goes wrong gives it back.
        let restore = Restore;
        execute!(io::stdout(), EnterAlternateScreen)?;
        if mouse {
            execute!(io::stdout(), EnableMouseCapture)?;
        }
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        std::mem::forget(restore);
        Ok(Self { terminal })
    }
}

struct Restore;

impl Drop for Restore {
    fn drop(&mut self) {
        restore();
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        restore();
    }
}

/// Gives the terminal back. Where it is gone there is nothing left to do.
fn restore() {
    let _ = execute!(io::stdout(), DisableMouseCapture, LeaveAlternateScreen);
    let _ = execute!(io::stdout(), ratatui::crossterm::cursor::Show);
    let _ = disable_raw_mode();
}

/// Shows the user interface until the user quits or the terminal is gone.
///
/// # Errors
/// Where the terminal can't be taken over.
pub(super) fn run(app: &mut App) -> io::Result<()> {
    let stopped = Arc::new(AtomicBool::new(false));
    for signal in [SIGHUP, SIGTERM, SIGINT] {
        signal_hook::flag::register(signal, Arc::clone(&stopped))?;
    }
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        hook(info);
    }));
    let mut taken = Taken::take(app.common.settings.mouse)?;
    // A terminal that has vanished is no error of ours.
    let _ = talk(&mut taken.terminal, app, &stopped);
    drop(taken);
    let _ = panic::take_hook();
    Ok(())
}

fn talk(
    terminal: &mut Terminal<CrosstermBackend<io::Stdout>>,
    app: &mut App,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let mut drawn_for = None;
    let mut last_key = Instant::now();
    let mut wants_drawing = true;
    while !app.quits && !stopped.load(Ordering::Relaxed) {
        let is_busy = app.work();
        let status = app.common.store.status();
        let now = (app.common.store.len(), status.done);
        wants_drawing |= is_busy || drawn_for != Some(now);
        if app.redraws {
            app.redraws = false;
            // Not `clear`, which asks the terminal where its cursor is and waits
            // for an answer.
            let size = terminal.size()?;
            terminal.resize(size.into())?;
            wants_drawing = true;
        }
        if wants_drawing {
            terminal.draw(|frame| app.draw(frame.buffer_mut()))?;
            drawn_for = Some(now);
            wants_drawing = false;
        }
        if let Some(text) = app.clipboard.take() {
            copy(&text)?;
        }
        let wait = if is_busy {
            Duration::ZERO
        } else if app.is_patient() {
            DIGIT_PATIENCE.saturating_sub(last_key.elapsed())
        } else if status.done {
            IDLE
        } else {
            WHILE_READING
        };
        if !event::poll(wait)? {
            if app.is_patient() && last_key.elapsed() >= DIGIT_PATIENCE {
                app.patience_ends();
                wants_drawing = true;
            }
            continue;
        }
        // All that was typed meanwhile is done before the screen is drawn again.
        loop {
            match event::read()? {
                Event::Key(key) if key.kind != KeyEventKind::Release => {
                    if app.is_patient() && last_key.elapsed() >= DIGIT_PATIENCE {
                        app.patience_ends();
                    }
                    last_key = Instant::now();
                    app.key(key);
                }
                Event::Mouse(mouse) => app.mouse(mouse),
                _ => {}
            }
            if app.quits || !event::poll(Duration::ZERO)? {
                break;
            }
        }
        wants_drawing = true;
    }
    Ok(())
}

/// Asks the terminal to copy a text (OSC 52), which works over ssh, too.
fn copy(text: &str) -> io::Result<()> {
    let mut end = text.len().min(MOST_COPIED);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(&text[..end]);
    let mut out = io::stdout();
    write!(out, "\x1b]52;c;{encoded}\x07")?;
    out.flush()
}
