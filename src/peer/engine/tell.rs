//! Telling peers what we have, and other short messages.

use std::time::Duration;

use ppspp_dissector::wire::{ChunkRange, ChunkSpec, Message};

use super::channel::{Channel, Notice, State};
use super::handshake::put;
use super::naming::interval;
use super::peer::Peer;
use super::store::last_of;
use super::swarm::{Swarm, SwarmKey};
use super::time::Moment;

/// Chunks that others are told of at once, at the latest, and how long fewer may
/// wait: HAVEs are gathered.
const NEWS: u64 = 64;
const NEWS_DELAY: Duration = Duration::from_millis(200);

/// HAVEs in one datagram.
const MOST_HAVES: usize = 16;

impl Peer {
    /// Commits what was stored, and tells of it.
    pub(super) fn commit(&mut self, now: Moment) {
        for index in 0..self.swarms.len() {
            if !self.swarms[index].content.has_written() {
                continue;
            }
            let key = SwarmKey(index);
            match self.swarms[index].content.commit() {
                Ok(chunks) => {
                    self.announce(now, key, &chunks);
                    self.slide(key);
                }
                Err(error) => self.fail(key, error),
            }
            self.tell_complete(key);
        }
    }

    fn announce(&mut self, now: Moment, key: SwarmKey, chunks: &[u64]) {
        let swarm = &self.swarms[key.0];
        let size = swarm.content.size();
        let mut early = Vec::new();
        for channel_key in &swarm.channels {
            let Some(channel) = self.channels.get_mut(channel_key) else {
                continue;
            };
            // Who has everything need not know (section 3.2).
            if channel.has_all(size) {
                continue;
            }
            for &chunk in chunks {
                if !channel.has.contains(&chunk) {
                    channel.news.insert(chunk..=chunk);
                }
            }
            if channel.state == State::Open
                && channel.news_due.is_none()
                && !channel.news.is_empty()
            {
                channel.news_due = Some(now + NEWS_DELAY);
                early.push(*channel_key);
            }
        }
        for key in early {
            self.set_timer(key);
        }
    }
}

pub(super) fn write_acknowledgements(
    channel: &mut Channel,
    swarm: &Swarm,
    out: &mut Vec<u8>,
    limit: usize,
) {
    if channel.acknowledgements.is_empty() {
        return;
    }
    let (layout, size) = (channel.writes, swarm.config.chunk_size);
    let present = swarm.content.present();
    let mut acknowledgements = std::mem::take(&mut channel.acknowledgements);
    let mut done = 0;
    let mut last: Option<(ChunkSpec, usize)> = None;
    for &(chunk, delay) in &acknowledgements {
        if out.len() + 32 > limit {
            break;
        }
        done += 1;
        let spec = if channel.profile.single_acks {
            ChunkSpec::of(ChunkRange::single(chunk), layout.addressing, size)
        } else {
            // The biggest complete interval (section 4.3.2).
            interval(present, chunk, &layout, size)
        };
        let Some(spec) = spec else {
            continue;
        };
        // Of several samples for one interval the last one says most.
        if let Some((before, start)) = last
            && before == spec
        {
            out.truncate(start);
        }
        last = Some((spec, out.len()));
        put(out, &Message::Ack { spec, delay }, &layout);
        if channel.profile.single_acks {
            last = None;
        }
        if channel.profile.lone_acks {
            break;
        }
    }
    acknowledgements.drain(..done);
    channel.acknowledgements = acknowledgements;
}

pub(super) fn write_news(
    now: Moment,
    channel: &mut Channel,
    swarm: &Swarm,
    out: &mut Vec<u8>,
    limit: usize,
    goes: bool,
) {
    let count = || {
        channel
            .news
            .iter()
            .map(|range| range.end() - range.start() + 1)
    };
    if channel.news.is_empty() {
        channel.news_due = None;
        return;
    }
    // What goes anyway takes some along.
    let is_due = channel.news_due.is_none_or(|due| due <= now);
    if !is_due && !goes && count().sum::<u64>() < NEWS {
        return;
    }
    let (layout, size) = (channel.writes, swarm.config.chunk_size);
    for _ in 0..MOST_HAVES {
        let Some(first) = channel.news.iter().next().map(|range| *range.start()) else {
            break;
        };
        if out.len() + 32 > limit {
            break;
        }
        let spec = interval(swarm.content.present(), first, &layout, size);
        let told = spec.and_then(|spec| spec.chunks(size).range());
        let (Some(spec), Some(told)) = (spec, told) else {
            channel.news.remove(first..=first);
            continue;
        };
        put(out, &Message::Have(spec), &layout);
        channel.news.remove(told.start()..=told.end());
    }
    if is_due || channel.news.is_empty() {
        channel.news_due = (!channel.news.is_empty()).then_some(now);
    }
    channel.reminder = Some(now + channel.reminder_wait);
}

/// Tells a peer of our last chunk again, where it does not seem to know.
pub(super) fn remind(now: Moment, channel: &mut Channel, swarm: &Swarm, most: Duration) {
    if channel.reminder.is_none_or(|due| due > now) {
        return;
    }
    channel.reminder = None;
    if let Some(last) = last_of(swarm.content.present())
        && !channel.has.contains(&last)
    {
        channel.news.insert(last..=last);
        channel.news_due = Some(now);
        channel.reminder_wait = (channel.reminder_wait * 2).min(most);
    }
}

pub(super) fn write_notices(channel: &mut Channel, out: &mut Vec<u8>, start: usize, limit: usize) {
    let layout = channel.writes;
    let size = layout.chunk_size.or_assumed();
    while out.len() + 32 <= limit
        && let Some(notice) = channel.notices.pop_front()
    {
        let message = match notice {
            Notice::Certificate(certificate) => {
                let length = 3 + certificate.len();
                if out.len() + length > limit && out.len() > start + 4 {
                    // It goes with the next datagram.
                    channel.notices.push_front(Notice::Certificate(certificate));
                    return;
                }
                let certificate = &*certificate;
                put(out, &Message::PexResCert { certificate }, &layout);
                continue;
            }
            Notice::Choke => Message::Choke,
            Notice::Unchoke => Message::Unchoke,
            Notice::Cancel(chunk) => {
                let range = ChunkRange::single(chunk);
                match ChunkSpec::of(range, layout.addressing, size) {
                    Some(spec) => Message::Cancel(spec),
                    None => continue,
                }
            }
            Notice::Peer(address) => Message::pex_res(address),
        };
        put(out, &message, &layout);
    }
}
