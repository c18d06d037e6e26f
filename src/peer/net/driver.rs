//! The loop that lets the engine run.

use std::time::Duration;

use super::clock::Clock;
use super::link::{Link, LinkError};
use super::recorder::Recorder;
use crate::peer::engine::{Event, Moment, Peer};
use crate::peer::membership::Issuer;
use crate::peer::misbehave::Rogue;

/// Datagrams that are sent before it is looked what has come.
const BURST: usize = 64;

/// A peer on a socket.
#[derive(Debug)]
pub struct Driver {
    /// The peer.
    pub peer: Peer,
    link: Link,
    clock: Clock,
    datagram: Vec<u8>,
    recorder: Option<Recorder>,
    /// What spoils the peer's datagrams, for tests of those who probe it.
    rogue: Option<Rogue>,
    issuer: Option<Issuer>,
}

impl Driver {
    /// A peer on a socket.
    pub fn new(peer: Peer, link: Link) -> Self {
        Self {
            peer,
            link,
            clock: Clock::default(),
            datagram: Vec::new(),
            recorder: None,
            rogue: None,
            issuer: None,
        }
    }

    /// Trusts an issuer of membership certificates.
    pub fn trust(&mut self, issuer: Issuer) {
        self.issuer = Some(issuer);
    }

    /// What has happened. Membership certificates that came are checked meanwhile.
    pub fn event(&mut self) -> Option<Event> {
        while let Some(event) = self.peer.event() {
            let Event::MembershipClaimed {
                swarm,
                address,
                certificate,
            } = event
            else {
                return Some(event);
            };
            let now = self.clock.now();
            let id = self.peer.swarm_id(swarm).unwrap_or_default();
            // Without an issuer nobody asks for certificates.
            let Some(issuer) = &self.issuer else {
                continue;
            };
            match issuer.check(&certificate, id, now) {
                Ok((member, until)) => {
                    self.peer
                        .certified(now, swarm, address, member, until, certificate);
                }
                Err(refusal) => self.peer.not_certified(swarm, address, refusal.to_string()),
            }
        }
        None
    }

    /// Records from now on what comes and goes.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Lets the peer do wrong from now on.
    pub fn mislead(&mut self, rogue: Rogue) {
        self.rogue = Some(rogue);
    }

    /// Now, as the peer is told.
    pub fn now(&self) -> Moment {
        self.clock.now()
    }

    /// The socket.
    pub const fn link(&self) -> &Link {
        &self.link
    }

    /// Takes what has come, sends what is to be sent, and waits for more where
    /// there was nothing to do, `most` at most.
    ///
    /// # Errors
    /// When the socket no longer works.
    pub fn step(&mut self, most: Duration) -> Result<(), LinkError> {
        let now = self.clock.now();
        let Self {
            peer,
            link,
            recorder,
            rogue,
            ..
        } = self;
        let received = link.receive(|source, to, datagram| {
            if let Some(recorder) = recorder {
                recorder.received(now, source, to, datagram);
            }
            match rogue {
                Some(rogue) => rogue.receive(peer, now, source, datagram),
                None => peer.receive(now, source, datagram),
            }
        })?;
        if peer.deadline().is_some_and(|deadline| deadline <= now) {
            peer.elapse(now);
        }
        let sent = self.send(BURST)?;
        if received > 0 || sent > 0 {
            return Ok(());
        }
        let now = self.clock.now();
        let wait = self
            .peer
            .deadline()
            .map_or(most, |at| at.since(now).min(most));
        if wait.is_zero() {
            return Ok(());
        }
        // There is time for it, and what is killed now leaves all it did.
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
        self.link.wait_for_datagram(wait)
    }

    /// Sends up to `most` datagrams; how many there were.
    fn send(&mut self, most: usize) -> Result<usize, LinkError> {
        let mut count = 0;
        while count < most {
            self.datagram.clear();
            let now = self.clock.now();
            let next = match &mut self.rogue {
                Some(rogue) => rogue.transmit(&mut self.peer, now, &mut self.datagram),
                None => self.peer.transmit(now, &mut self.datagram),
            };
            let Some(destination) = next else {
                break;
            };
            if let Some(recorder) = &mut self.recorder {
                recorder.sent(now, destination, &self.datagram);
            }
            self.link.send(destination, &self.datagram)?;
            count += 1;
        }
        self.link.flush()?;
        Ok(count)
    }

    /// Closes all channels and says so to everybody.
    ///
    /// # Errors
    /// When the socket no longer works.
    pub fn close(&mut self) -> Result<(), LinkError> {
        self.peer.close();
        while self.send(BURST)? > 0 {}
        if let Some(recorder) = &mut self.recorder {
            recorder.flush();
        }
        Ok(())
    }
}
