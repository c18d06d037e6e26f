//! Rules on silence and on datagrams that say nothing: keep-alives, and peers
//! that went away (RFC 7574, section 3.12).

use super::channel::{Channel, Side};
use super::context::Context;
use super::findings::Findings;
use super::input::Time;
use super::liveness::{SECOND, Silence};
use crate::finding::{Detail, FindingId};

/// Silence after which a peer counts as dead, once it was sent some datagrams.
pub(super) const DEAD: i64 = 180 * SECOND;
/// Datagrams to a silent peer that it takes.
const UNHEARD: u32 = 3;
/// Time within which a `PEX_REQ` is answered, libperegrine's 100 ms and some;
/// later a keep-alive is just a keep-alive.
const ANSWER: i64 = SECOND / 5;
/// Keep-alives within a second that make a burst.
const BURST: u32 = 3;

/// Notes who speaks; a finding where the addressee has long been silent.
#[inline]
pub(super) fn heard(
    channel: &mut Channel,
    sender: Side,
    now: Option<Time>,
    findings: &mut Findings,
) {
    let (from, to) = channel.sender_and_receiver(sender);
    from.silence = Silence {
        heard: now,
        unheard: 0,
        told: false,
    };
    let silence = &mut to.silence;
    if silence.unheard >= UNHEARD
        && !silence.told
        && let (Some(now), Some(then)) = (now, silence.heard)
        && now.since(then) > DEAD
    {
        silence.told = true;
        let seconds = now.since(then) / SECOND;
        findings.raise(
            FindingId::ChannelDeadPeer,
            Detail::Count(seconds as u64, "seconds of silence"),
        );
    }
    silence.unheard = silence.unheard.saturating_add(1);
}

/// A datagram without messages.
#[cold]
pub(super) fn keep_alive(context: &mut Context<'_, '_>) {
    let datagrams = context.channel.datagrams;
    let (sender, receiver) = context.channel.sender_and_receiver(context.sender);
    if sender.keep_alives.hit(context.datagram.time, BURST) {
        context.findings.raise(
            FindingId::KeepAliveBurst,
            Detail::Count(BURST.into(), "within a second"),
        );
    }
    // The channel's very next datagram, from the peer that was asked.
    if let (Some((count, then)), Some(now)) = (receiver.pex_asked_at, context.datagram.time)
        && count + 1 == datagrams
        && now.since(then) < ANSWER
    {
        context
            .findings
            .raise(FindingId::PexEmptyAnswer, Detail::None);
    }
}
