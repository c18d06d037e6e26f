//! The time of day that never goes back.

use std::time::{Duration, Instant, SystemTime};

use crate::peer::engine::Moment;

/// The system's clock as it was once, and what has passed since.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Moment,
    at: Instant,
}

impl Default for Clock {
    fn default() -> Self {
        let since_epoch = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or(Duration::ZERO);
        Self {
            began: Moment::default() + since_epoch,
            at: Instant::now(),
        }
    }
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Moment {
        self.began + self.at.elapsed()
    }
}
