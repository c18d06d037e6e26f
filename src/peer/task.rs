//! A peer at work until it is done or told to stop.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::engine::{Event, Moment, SwarmKey};
use super::net::{Driver, LinkError};
use super::persistence::Persistence;
use super::root_check::RootCheck;

/// How often the outside is told how far things are.
const REPORT_EVERY: Duration = Duration::from_secs(1);

/// How long a finished download stays, so that its last acknowledgements arrive.
const LINGER: Duration = Duration::from_millis(200);

/// When a peer's work ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When it is told to.
    Stopped,
    /// When all content is there.
    Complete,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// All content is there.
    Complete,
    /// A swarm's content could not be read or kept.
    Failed,
    /// Nobody was there for as long as was allowed.
    Deserted,
}

/// What happens meanwhile.
#[derive(Debug)]
pub enum News<'a> {
    /// Something happened.
    Event(&'a Event),
    /// Some time has passed.
    Tick,
}

/// What a peer works at.
#[derive(Clone, Copy, Debug)]
pub struct Task<'a> {
    /// Swarms that were joined.
    pub swarms: &'a [SwarmKey],
    /// Peers to fetch from, which are asked again when they have gone.
    pub from: &'a [SocketAddr],
    /// When it ends.
    pub until: Until,
    /// For how long nothing may come.
    pub patience: Option<Duration>,
    /// What tells whether all is there of content that nothing protects, where
    /// no short chunk does.
    pub check: Option<&'a RootCheck>,
}

/// Ends content of unknown length where its first chunks are what the swarm ID
/// names.
fn settle(driver: &mut Driver, swarm: SwarmKey, check: &RootCheck, compared: &mut Option<u64>) {
    let possible = driver.peer.possible_size(swarm);
    let Some(chunks) = possible.filter(|_| possible != *compared) else {
        return;
    };
    *compared = Some(chunks);
    // What can't be read now is not settled; it is compared again at the end.
    if check.matches(chunks).unwrap_or(false) {
        // A store that fails says so with the next chunk.
        let _ = driver.peer.settle_size(swarm, chunks);
    }
}

/// Lets a peer work.
///
/// # Errors
/// When its socket no longer works.
pub fn run(
    driver: &mut Driver,
    task: Task<'_>,
    stop: &AtomicBool,
    mut report: impl FnMut(&Driver, Moment, News<'_>),
) -> Result<End, LinkError> {
    let Task {
        swarms,
        from,
        until,
        patience,
        check,
    } = task;
    let began = driver.now();
    let mut persistence = Persistence::new(from, began);
    let mut next_report = began + REPORT_EVERY;
    let mut last_progress = (began, 0);
    let mut failed = false;
    // As it was compared last.
    let mut compared = None;
    let end = loop {
        driver.step(REPORT_EVERY / 4)?;
        let now = driver.now();
        while let Some(event) = driver.event() {
            failed |= matches!(event, Event::StoreFailed { .. });
            report(driver, now, News::Event(&event));
        }
        persistence.elapse(&mut driver.peer, swarms, now);
        if now >= next_report {
            next_report = now + REPORT_EVERY;
            report(driver, now, News::Tick);
            if let Some(check) = check {
                for &swarm in swarms {
                    settle(driver, swarm, check, &mut compared);
                }
            }
        }
        if stop.load(Ordering::Relaxed) {
            break End::Stopped;
        }
        if failed {
            break End::Failed;
        }
        if until == Until::Complete && swarms.iter().all(|&it| driver.peer.is_complete(it)) {
            break End::Complete;
        }
        let received: u64 = swarms
            .iter()
            .map(|&it| driver.peer.totals(it).received)
            .sum();
        if received != last_progress.1 {
            last_progress = (now, received);
        }
        if patience.is_some_and(|patience| now.since(last_progress.0) >= patience) {
            break End::Deserted;
        }
    };
    // What the end has brought.
    while let Some(event) = driver.event() {
        report(driver, driver.now(), News::Event(&event));
    }
    if end == End::Complete {
        let until = driver.now() + LINGER;
        while driver.now() < until && !stop.load(Ordering::Relaxed) {
            driver.step(LINGER / 8)?;
        }
    }
    driver.close()?;
    report(driver, driver.now(), News::Tick);
    Ok(end)
}
