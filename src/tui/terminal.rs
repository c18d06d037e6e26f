//! The terminal: taken over, given back whatever happens, and the loop between.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::{AsFd as _, OwnedFd};
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
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use super::app::{App, DIGIT_PATIENCE};

/// How often the screen is drawn while the capture is read.
const WHILE_READING: Duration = Duration::from_millis(100);

/// How often signals are looked for where nothing happens.
const IDLE: Duration = Duration::from_millis(250);

/// How long a signal may be overheard.
const OVERHEARD: Duration = Duration::from_secs(2);

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
    let keyboard = keyboard()?;
    let stopped = watch_signals()?;
    let hook = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        restore();
        hook(info);
    }));
    let mut taken = Taken::take(app.common.settings.mouse)?;
    // A terminal that has vanished is no error of ours.
    let _ = talk(&mut taken.terminal, app, &keyboard, &stopped);
    drop(taken);
    let _ = panic::take_hook();
    Ok(())
}

/// Where keys come from: standard input, or the terminal where that is a pipe.
fn keyboard() -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        stdin.as_fd().try_clone_to_owned()
    } else {
        Ok(File::open("/dev/tty")?.into())
    }
}

/// Says when a signal wants the program to end. Should that be overheard, because
/// reading from a terminal that has just vanished never returns, it ends all the
/// same.
fn watch_signals() -> io::Result<Arc<AtomicBool>> {
    let stopped = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&stopped);
    let mut signals = Signals::new([SIGHUP, SIGTERM, SIGINT])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if signals.forever().next().is_some() {
                told.store(true, Ordering::Relaxed);
                std::thread::sleep(OVERHEARD);
                restore();
                std::process::exit(0);
            }
        })?;
    Ok(stopped)
}

/// What became of waiting.
enum Waited {
    /// There may be something to read, or the window has another size.
    Something,
    /// Time is up.
    Nothing,
    /// The terminal is no more.
    Gone,
}

/// Waits for keys. Only this tells of a terminal that has vanished: crossterm
/// would read from it for ever.
fn wait_for(keyboard: &OwnedFd, time: Duration) -> io::Result<Waited> {
    let mut keys = [PollFd::new(keyboard, PollFlags::IN)];
    let limit = Timespec::try_from(time).map_err(|_| io::ErrorKind::InvalidInput)?;
    match poll(&mut keys, Some(&limit)) {
        Ok(0) => return Ok(Waited::Nothing),
        Ok(_) => {}
        Err(error) if error == rustix::io::Errno::INTR => return Ok(Waited::Something),
        Err(error) => return Err(error.into()),
    }
    let gone = PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL;
    Ok(if keys[0].revents().intersects(gone) {
        Waited::Gone
    } else {
        Waited::Something
    })
}

fn talk(
    terminal: &mut Terminal<CrosstermBackend<io::Stdout>>,
    app: &mut App,
    keyboard: &OwnedFd,
    stopped: &AtomicBool,
) -> io::Result<()> {
    let mut drawn_for = None;
    let mut last_key = Instant::now();
    let mut wants_drawing = true;
    while !app.quits && !stopped.load(Ordering::Relaxed) {
        let is_busy = app.work();
        let status = app.common.store.status();
        let now = app.arrived();
        wants_drawing |= is_busy || drawn_for != Some(now);
        if app.redraws {
            app.redraws = false;
            // Not `clear`, which asks the terminal where its cursor is and waits
            // for an answer.
            let size = terminal.size()?;
            terminal.resize(size.into())?;
            wants_drawing = true;
        }
        let is_drawn = wants_drawing;
        if wants_drawing {
            terminal.draw(|frame| app.draw(frame.buffer_mut()))?;
            drawn_for = Some(now);
            wants_drawing = false;
        }
        if let Some(text) = app.clipboard.take() {
            copy(&text)?;
        }
        // Drawing may have shown what there is to be worked out.
        let wait = if is_busy || is_drawn {
            Duration::ZERO
        } else if app.is_patient() {
            DIGIT_PATIENCE.saturating_sub(last_key.elapsed())
        } else if status.done {
            IDLE
        } else {
            WHILE_READING
        };
        match wait_for(keyboard, wait)? {
            Waited::Gone => return Ok(()),
            Waited::Something | Waited::Nothing => {}
        }
        if !event::poll(Duration::ZERO)? {
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
            // crossterm may have read more keys than one already, so that it is
            // asked whether or not the terminal has more.
            if matches!(wait_for(keyboard, Duration::ZERO)?, Waited::Gone) {
                return Ok(());
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
