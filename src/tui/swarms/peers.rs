//! What each peer of a swarm has, at any moment of the capture.

use std::net::SocketAddr;

use ppspp_dissector::session::{Analyzer, Channel, ChannelIndex, Side, Swarm, SwarmIndex, Tally};
use ppspp_dissector::wire::ChunkRange;

use super::super::keys::Action;
use super::super::list::Cursor;
use super::super::screen::{Canvas, put_address};
use super::super::view::{Common, Outcome};
use super::chunk_map::ChunkMap;
use crate::index::{Extent, Store};

/// Steps that the whole capture has, unless the user wants finer ones.
const STEPS: i64 = 64;

/// Channels of one peer that are looked at.
const MOST_CHANNELS: usize = 256;

/// The peers' maps, and the moment that they show.
#[derive(Default)]
pub(super) struct Peers {
    cursor: Cursor,
    /// The last datagram that counts; `None` for the capture's end.
    moment: Option<usize>,
    /// How often the user halved the steps in time.
    zoom: u32,
}

/// A peer's channels of the swarm, and which end it is.
type Ends = Vec<(ChannelIndex, Side)>;

/// What a peer has of a range, and whether it was only sent to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Has {
    All,
    Some,
    Sent,
    Nothing,
}

impl Peers {
    /// Whether the maps show an earlier moment than the capture's end.
    pub(super) const fn is_earlier(&self) -> bool {
        self.moment.is_some()
    }

    /// Moves in time and in the list; `None` where the action means nothing here.
    pub(super) fn act(
        &mut self,
        action: Action,
        count: Option<usize>,
        common: &Common,
        peers: usize,
    ) -> Option<Outcome> {
        let times = count.unwrap_or(1) as i64;
        match action {
            Action::Left => self.step(&common.store, -times),
            Action::Right => self.step(&common.store, times),
            Action::First => self.moment = (!common.store.is_empty()).then_some(0),
            Action::Last => self.moment = None,
            Action::Grow => self.zoom = (self.zoom + 1).min(24),
            Action::Shrink => self.zoom = self.zoom.saturating_sub(1),
            Action::Open => {
                let last = common.store.len().checked_sub(1)?;
                return Some(Outcome::Show(self.moment.unwrap_or(last)));
            }
            _ if self.cursor.act(action, count, peers) => {}
            _ => return None,
        }
        Some(Outcome::Done)
    }

    /// Goes on or back in time, by one datagram at least.
    fn step(&mut self, store: &Store, times: i64) {
        let Some(last) = store.len().checked_sub(1) else {
            return;
        };
        let here = self.moment.unwrap_or(last);
        let to = match (
            store.span(),
            store.get(here).and_then(crate::index::Row::time),
        ) {
            (Some((first, end)), Some(now)) => {
                let step = (end.since(first) / STEPS) >> self.zoom;
                let wanted = now.nanoseconds().saturating_add(step.saturating_mul(times));
                row_at(store, wanted)
            }
            _ => here,
        };
        let to = if times < 0 {
            to.min(here.saturating_sub(1))
        } else {
            to.max(here.saturating_add(1))
        };
        self.moment = (to < last).then_some(to);
    }

    /// What stands over the maps.
    fn legend(&self, store: &Store) -> String {
        let time = |row: usize| {
            let (first, _) = store.span()?;
            let now = store.get(row)?.time()?;
            Some(format!("{:.4} s", now.since(first) as f64 / 1e9))
        };
        let last = store.len().saturating_sub(1);
        let end = time(last).unwrap_or_default();
        let at = match self.moment {
            Some(row) => format!("at {} of {end}", time(row).unwrap_or_default()),
            None => format!("at the end, {end}"),
        };
        format!("What peers have {at} (← → in time)   █ all  ▒ some  ? sent only")
    }

    /// Draws the maps; returns the lines they took.
    pub(super) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        common: &Common,
        analyzer: &Analyzer,
        index: SwarmIndex,
        map: &ChunkMap,
        is_focused: bool,
    ) -> u16 {
        let theme = &common.settings.theme;
        let swarm = analyzer.swarm(index);
        canvas.rule(0, &self.legend(&common.store), theme, is_focused);
        let count = swarm.peers().count();
        let height = canvas.height().saturating_sub(1);
        let window = self.cursor.window(count, height.into());
        let peers: Vec<SocketAddr> = swarm
            .peers()
            .skip(window.start)
            .take(window.len())
            .copied()
            .collect();
        let channels = ends(analyzer, index, &peers);
        let label = if canvas.width() < 100 { 21 } else { 28 };
        let state = if canvas.width() < 100 { 16 } else { 40 };
        let room = usize::from(canvas.width().saturating_sub(label + state + 1));
        let moment = self
            .moment
            .unwrap_or_else(|| common.store.len().saturating_sub(1)) as u32;
        for ((y, line), (peer, ends)) in (1..).zip(window).zip(peers.iter().zip(&channels)) {
            let mut name = canvas.part(0, y, label - 1, 1);
            let mut name = name.part(1, 0, label - 2, 1);
            put_address(&mut name, &peer.to_string(), theme.text);
            let per_cell = map.total().div_ceil(room.max(1) as u64).max(1);
            let mut x = label;
            for cell in 0..room as u64 {
                let first = map.first().saturating_add(cell.saturating_mul(per_cell));
                if first > map.last() {
                    break;
                }
                let last = first.saturating_add(per_cell - 1).min(map.last());
                let Some(range) = ChunkRange::new(first, last) else {
                    break;
                };
                let (character, style) = match has(&common.store, ends, range, moment) {
                    Has::All => ('█', theme.good),
                    Has::Some => ('▒', theme.good),
                    Has::Sent => ('?', theme.unknown),
                    Has::Nothing => ('·', theme.faint),
                };
                canvas.set(x, y, character, style);
                x += 1;
            }
            let state = self.state(common, swarm, *peer, ends);
            canvas.put(x + 2, y, &state, theme.text);
            if line == self.cursor.selected && is_focused {
                canvas.tint(0, y, label - 1, theme.selected);
                canvas.put(0, y, ">", theme.selected);
            }
        }
        1 + peers.len() as u16
    }

    /// What is to be said of a peer: how far it is, and what it was sent.
    fn state(&self, common: &Common, swarm: &Swarm, peer: SocketAddr, ends: &Ends) -> String {
        let store = &common.store;
        let found = swarm.verification.as_deref();
        let received = found.and_then(|found| {
            let mut receivers = found.receivers();
            let (_, receiver) = receivers.find(|(address, _)| **address == peer)?;
            Some(*receiver.tally()).filter(|tally| !tally.is_empty())
        });
        let whole = found
            .and_then(|found| ChunkRange::new(0, found.size()?.checked_sub(1)?))
            .filter(|_| !self.is_earlier());
        let mut parts = Vec::new();
        if let Some(whole) = whole {
            let mut has_all = false;
            let mut completed: Option<u32> = None;
            for (channel, side) in ends {
                store.with_conversation(*channel, |conversation| {
                    let direction = conversation.sent_by(*side);
                    has_all |= direction.announced().contains_all(whole);
                    let row = direction
                        .announced_when()
                        .completed(whole, direction.announced());
                    completed = match (completed, row) {
                        (Some(one), Some(other)) => Some(one.min(other)),
                        (one, other) => one.or(other),
                    };
                });
            }
            if has_all && received.is_none() {
                parts.push("seeder".to_owned());
            } else if has_all {
                let time = completed.and_then(|row| {
                    let (first, _) = store.span()?;
                    let then = store.get(row as usize)?.time()?;
                    Some(format!(" at {:.4} s", then.since(first) as f64 / 1e9))
                });
                parts.push(format!("complete{}", time.unwrap_or_default()));
            }
        }
        let announced = |(channel, side): &(ChannelIndex, Side)| {
            let announced = store.with_conversation(*channel, |conversation| {
                !conversation.sent_by(*side).announced().is_empty()
            });
            announced.unwrap_or(false)
        };
        if swarm.is_live() && received.is_none() && ends.iter().any(announced) {
            parts.push("source".to_owned());
        }
        if let Some(tally) = received {
            let when = if self.is_earlier() {
                "in the end"
            } else {
                "received"
            };
            parts.push(format!("{when}{}", verdicts(&tally)));
        }
        let is_kept = ends.iter().all(|(channel, side)| {
            let kept = store.with_conversation(*channel, |conversation| {
                conversation.sent_by(*side).announced_when().is_kept()
            });
            kept.unwrap_or(true)
        });
        if self.is_earlier() && !is_kept {
            parts.push("as at the end".to_owned());
        }
        parts.join(", ")
    }
}

/// Verdicts on what a peer was sent, by what it knew then.
fn verdicts(tally: &Tally) -> String {
    [
        ('✓', tally.verified),
        ('✗', tally.failed),
        ('?', tally.unverified),
        ('·', tally.unprotected),
    ]
    .into_iter()
    .filter(|(_, count)| *count > 0)
    .fold(String::new(), |text, (mark, count)| {
        format!("{text} {mark}{count}")
    })
}

/// The last row that came by a time, in nanoseconds.
fn row_at(store: &Store, time: i64) -> usize {
    let (mut low, mut high) = (store.first(), store.len());
    while low < high {
        let middle = low + (high - low) / 2;
        let then = store.get(middle).and_then(crate::index::Row::time);
        if then.is_some_and(|then| then.nanoseconds() <= time) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low.saturating_sub(1).max(store.first())
}

/// The channels of each peer in the swarm.
fn ends(analyzer: &Analyzer, swarm: SwarmIndex, peers: &[SocketAddr]) -> Vec<Ends> {
    let mut found = vec![Ends::new(); peers.len()];
    for (index, channel) in channels_of(analyzer, swarm) {
        for side in [Side::Initiator, Side::Responder] {
            let address = channel.end(side).address;
            if let Ok(place) = peers.binary_search(&address)
                && let Some(ends) = found.get_mut(place)
                && ends.len() < MOST_CHANNELS
            {
                ends.push((index, side));
            }
        }
    }
    found
}

/// The channels of a swarm.
pub(super) fn channels_of(
    analyzer: &Analyzer,
    swarm: SwarmIndex,
) -> impl Iterator<Item = (ChannelIndex, &Channel)> {
    let all = analyzer.numbered_channels();
    all.filter(move |(_, channel)| channel.swarm == swarm)
}

/// What a peer has of a range at a moment.
fn has(store: &Store, ends: &Ends, range: ChunkRange, moment: u32) -> Has {
    let mut most = Has::Nothing;
    for (channel, side) in ends {
        let found = store.with_conversation(*channel, |conversation| {
            let own = conversation.sent_by(*side);
            match own.announced_when().extent(range, moment, own.announced()) {
                Extent::All => return Has::All,
                Extent::Some => return Has::Some,
                Extent::Nothing => {}
            }
            let theirs = conversation.sent_by(side.other());
            match theirs.sent_when().extent(range, moment, theirs.sent()) {
                Extent::Nothing => Has::Nothing,
                _ => Has::Sent,
            }
        });
        most = match (most, found.unwrap_or(Has::Nothing)) {
            (_, Has::All) => return Has::All,
            (Has::Some, _) | (_, Has::Some) => Has::Some,
            (Has::Sent, _) | (_, Has::Sent) => Has::Sent,
            _ => Has::Nothing,
        };
    }
    most
}
