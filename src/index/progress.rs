//! How many chunks of each swarm have got a verdict since one last looked.

use ppspp_dissector::session::Swarm;

/// Chunks with a verdict, by the swarm's number, when one last looked.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress(Vec<Judged>);

/// Numbers of different chunks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Judged {
    pub(super) verified: u64,
    pub(super) failed: u64,
}

impl Progress {
    /// How many more there are of a swarm than when one last looked.
    pub(super) fn since_last(&mut self, number: u32, swarm: &Swarm) -> Judged {
        let number = number as usize;
        let Some(found) = swarm.verification.as_deref() else {
            return Judged::default();
        };
        if self.0.len() <= number {
            self.0.resize(number + 1, Judged::default());
        }
        let now = Judged {
            verified: found.verified().len(),
            failed: found.failed().len(),
        };
        let before = std::mem::replace(&mut self.0[number], now);
        Judged {
            verified: now.verified.saturating_sub(before.verified),
            failed: now.failed.saturating_sub(before.failed),
        }
    }
}
