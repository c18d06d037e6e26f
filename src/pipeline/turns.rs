//! A mutex whose users take turns.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What two threads share, one of which has it nearly all the time. With a plain
/// mutex that one would take it again and again before the other one is awake, and a
/// key might wait for as long as the capture is read.
#[derive(Debug, Default)]
pub struct Turns<T> {
    /// Held by whoever is next: who has just given the value back waits here.
    next: Mutex<()>,
    value: Mutex<T>,
}

impl<T> Turns<T> {
    /// Guards a value.
    pub const fn new(value: T) -> Self {
        Self {
            next: Mutex::new(()),
            value: Mutex::new(value),
        }
    }

    /// Waits for the value. A thread that panicked with it has left it as it was
    /// between two uses, or is going to bring the whole program down.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let _next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The value, which nobody else uses any more.
    pub fn into_inner(self) -> T {
        self.value
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use super::*;

    #[test]
    fn who_waits_comes_before_who_has_just_had_it() {
        let turns = Turns::new(Vec::new());
        let begun = Barrier::new(2);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut value = turns.lock();
                begun.wait();
                // Until the other one waits.
                while turns.next.try_lock().is_ok() {
                    std::thread::yield_now();
                }
                value.push("first");
                drop(value);
                turns.lock().push("first again");
            });
            begun.wait();
            turns.lock().push("other");
        });
        assert_eq!(turns.into_inner(), ["first", "other", "first again"]);
    }
}
