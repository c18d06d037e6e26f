//! Signals that ask the program to end.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Once};
use std::{fs, thread};

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

/// What a signal to end sets.
pub(super) fn stop_signal() -> Result<Arc<AtomicBool>> {
    let stop = Arc::new(AtomicBool::new(false));
    stop_by_signal(&stop)?;
    Ok(stop)
}

/// Has a signal to end set what is there already.
pub(super) fn stop_by_signal(stop: &Arc<AtomicBool>) -> Result<()> {
    for signal in [SIGINT, SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(stop))?;
    }
    Ok(())
}

/// Has a signal to end do this before it ends the program, as it would have. The
/// first time counts.
pub(super) fn before_the_end(last: fn()) -> Result<()> {
    static BEGUN: Once = Once::new();
    let mut result = Ok(());
    BEGUN.call_once(|| result = watch(last));
    result
}

fn watch(last: fn()) -> Result<()> {
    let mut wanted = vec![SIGINT, SIGTERM];
    if !is_ignored(SIGHUP) {
        wanted.push(SIGHUP);
    }
    let mut signals = Signals::new(wanted)?;
    thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            if let Some(signal) = signals.forever().next() {
                last();
                // All three end a program that has not said otherwise.
                let _ = emulate_default_handler(signal);
            }
        })?;
    Ok(())
}

/// Whether a signal is ignored: `nohup` wants a program to outlive its terminal.
fn is_ignored(signal: i32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = line.and_then(|digits| u64::from_str_radix(digits.trim(), 16).ok());
    mask.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
