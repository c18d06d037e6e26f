//! How far the viewers of a live stream are behind its source, over time.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use ppspp_dissector::session::{Record, Time};
use ppspp_dissector::wire::Message;

/// Stretches of time at most; when time goes on beyond them, each two become one.
const MOST: usize = 1024;

/// Nanoseconds of the narrowest stretch.
const NARROWEST: i64 = 1_000_000;

/// Viewers whose progress is kept, of one stream.
const MOST_VIEWERS: usize = 64;

/// Streams that are kept.
pub(super) const MOST_STREAMS: usize = 8;

/// How far a viewer is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Behind {
    /// Chunks between the newest one of the source and its own.
    pub chunks: u64,
    /// Nanoseconds since the source had the chunk after its newest one, to within
    /// [`Lag::step`].
    pub nanoseconds: u64,
}

/// The number after the newest chunk at the end of each stretch of time; what comes
/// after the last one has not changed any more.
type Newest = Vec<u64>;

/// The newest chunk of a live stream's source, and of each viewer.
#[derive(Clone, Debug)]
pub struct Lag {
    origin: Time,
    width: i64,
    source: Newest,
    viewers: BTreeMap<SocketAddr, Newest>,
    /// Whether there were more viewers than are kept.
    pub has_more: bool,
}

impl Lag {
    /// Of a stream that is first seen at a time.
    pub(super) const fn new(origin: Time) -> Self {
        Self {
            origin,
            width: NARROWEST,
            source: Newest::new(),
            viewers: BTreeMap::new(),
            has_more: false,
        }
    }

    /// Takes a datagram of the stream into account. The source is who announces,
    /// signs or sends chunks that nobody has sent to it; a viewer, who was sent DATA
    /// or acknowledges some.
    pub(super) fn take(
        &mut self,
        time: Time,
        source: SocketAddr,
        destination: SocketAddr,
        record: &Record<'_, '_>,
    ) {
        let size = record.layout.chunk_size.or_assumed();
        for located in record.messages {
            let Some(range) = located
                .message
                .spec()
                .and_then(|spec| spec.chunks(size).range())
            else {
                continue;
            };
            let newest = range.end().saturating_add(1);
            match located.message {
                Message::Data { .. } => {
                    self.has(time, None, newest);
                    self.has(time, Some(destination), 0);
                }
                Message::SignedIntegrity { .. } => self.has(time, None, newest),
                Message::Ack { .. } => self.has(time, Some(source), newest),
                Message::Have(_) => {
                    let viewer = self.viewers.contains_key(&source).then_some(source);
                    self.has(time, viewer, newest);
                }
                _ => {}
            }
        }
    }

    /// A viewer, or the source, has everything before `newest` that it will have.
    fn has(&mut self, time: Time, viewer: Option<SocketAddr>, newest: u64) {
        let offset = time.since(self.origin).max(0);
        while offset / self.width >= MOST as i64 {
            self.widen();
        }
        let place = (offset / self.width) as usize;
        let line = match viewer {
            None => &mut self.source,
            Some(viewer) => {
                if !self.viewers.contains_key(&viewer) && self.viewers.len() >= MOST_VIEWERS {
                    self.has_more = true;
                    return;
                }
                self.viewers.entry(viewer).or_default()
            }
        };
        let latest = line.last().copied().unwrap_or(0);
        if newest > latest && line.len() <= place {
            line.resize(place + 1, latest);
        }
        // Clocks may go back.
        for known in line.iter_mut().skip(place) {
            *known = newest.max(*known);
        }
    }

    fn widen(&mut self) {
        self.width *= 2;
        for line in std::iter::once(&mut self.source).chain(self.viewers.values_mut()) {
            *line = line
                .chunks(2)
                .filter_map(|pair| pair.last().copied())
                .collect();
        }
    }

    /// How exact times are, in nanoseconds.
    pub const fn step(&self) -> i64 {
        self.width
    }

    /// The viewers, and how far each one was behind at a time; `None` for those that
    /// had nothing by then.
    pub fn at(&self, time: Time) -> impl Iterator<Item = (SocketAddr, Option<Behind>)> {
        let place = usize::try_from(time.since(self.origin) / self.width).ok();
        let at = move |line: &Newest| {
            let place = place?.min(line.len().checked_sub(1)?);
            line.get(place).copied().filter(|newest| *newest > 0)
        };
        let source = at(&self.source);
        self.viewers.iter().map(move |(viewer, line)| {
            let behind = at(line).zip(source).map(|(own, newest)| {
                let chunks = newest.saturating_sub(own);
                let since = self.source.partition_point(|newest| *newest <= own);
                let stretches = place.unwrap_or(0).saturating_sub(since) as u64;
                Behind {
                    chunks,
                    nanoseconds: if chunks == 0 {
                        0
                    } else {
                        stretches * self.width.unsigned_abs()
                    },
                }
            });
            (*viewer, behind)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn second(second: i64) -> Time {
        Time::from_nanoseconds(second * SECOND)
    }

    fn viewer(number: u8) -> SocketAddr {
        SocketAddr::from(([192, 0, 2, number], 6778))
    }

    #[test]
    fn viewers_are_behind_by_chunks_and_by_time() {
        let mut lag = Lag::new(second(0));
        for now in 0..100 {
            lag.has(second(now), None, now as u64 + 1);
            lag.has(second(now), Some(viewer(1)), now as u64 + 1);
            if now >= 50 {
                lag.has(second(now), Some(viewer(2)), now as u64 - 9);
            }
        }
        let at = |time| lag.at(second(time)).collect::<Vec<_>>();
        let exact = Some(Behind::default());
        assert_eq!(at(40), [(viewer(1), exact), (viewer(2), None)]);
        let found = at(80);
        assert_eq!(found[0], (viewer(1), exact));
        let behind = found[1].1.expect("behind");
        assert_eq!(behind.chunks, 10);
        let error = behind.nanoseconds.abs_diff(9 * SECOND as u64);
        assert!(error <= lag.step().unsigned_abs(), "{behind:?}");
    }

    #[test]
    fn a_viewer_that_stops_falls_behind() {
        let mut lag = Lag::new(second(0));
        lag.has(second(0), None, 1);
        lag.has(second(0), Some(viewer(1)), 1);
        lag.has(second(10), None, 500);
        let behind = lag.at(second(10)).next().and_then(|(_, behind)| behind);
        assert_eq!(behind.map(|behind| behind.chunks), Some(499));
    }

    #[test]
    fn days_and_crowds_take_little_memory() {
        let mut lag = Lag::new(second(0));
        for now in 0..100_000 {
            lag.has(second(now), None, now as u64 + 1);
            lag.has(second(now), Some(viewer((now % 200) as u8)), now as u64);
        }
        assert!(lag.source.len() <= MOST && lag.viewers.len() <= MOST_VIEWERS);
        assert!(lag.viewers.values().all(|line| line.len() <= MOST));
        assert!(lag.has_more);
    }

    #[test]
    fn clocks_that_go_back_do_no_harm() {
        let mut lag = Lag::new(second(5));
        for time in [i64::MAX, i64::MIN, 0, 6 * SECOND] {
            lag.has(Time::from_nanoseconds(time), None, 3);
            lag.has(Time::from_nanoseconds(time), Some(viewer(1)), 2);
        }
        let behind = lag.at(Time::from_nanoseconds(i64::MAX)).next();
        assert_eq!(behind.and_then(|(_, behind)| Some(behind?.chunks)), Some(1));
    }
}
