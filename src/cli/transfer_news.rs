//! What `peer seed` and `peer leech` tell while they work.

use std::io::{self, IsTerminal as _, Write as _};

use anyhow::Result;

use super::peer_args::WorkArgs;
use crate::output::{
    Comparison, Hex, TransferSummary, write_comparison, write_comparison_json, write_event,
    write_event_json, write_transfer, write_transfer_json,
};
use crate::peer::engine::{Event, Moment, SwarmKey};
use crate::peer::net::Driver;
use crate::peer::root_check::RootCheck;
use crate::peer::task::News;

/// Says what is served where.
pub(super) fn announce(args: &WorkArgs, driver: &Driver, id: &[u8], file: &str) -> Result<()> {
    let mut out = io::stdout().lock();
    let (id, address) = (Hex(id), driver.link().address());
    if args.json {
        let object = serde_json::json!({
            "event": "seeding",
            "swarm": id.to_string(),
            "listen": address.to_string(),
            "file": file,
        });
        writeln!(out, "{object}")?;
    } else {
        writeln!(out, "{id}  {file}  on {address}")?;
    }
    out.flush()?;
    Ok(())
}

/// What a swarm had come to when it was told of last.
#[derive(Clone, Copy, Debug)]
struct Before {
    at: Moment,
    received: u64,
    sent: u64,
}

/// Tells how far swarms are.
#[derive(Debug)]
pub(super) struct Teller {
    swarms: Vec<(SwarmKey, Vec<u8>, Before)>,
    chunk_size: u32,
    /// JSON for programs.
    json: bool,
    /// A line that is written over, for people.
    live: bool,
    has_met: bool,
    vouching: Option<Vouching>,
    has_doubts: bool,
    possible: Option<u64>,
}

/// Who may vouch for content that nothing protects.
#[derive(Clone, Debug)]
pub(super) struct Vouching {
    /// `None` where the swarm ID is as long as no root hash.
    check: Option<RootCheck>,
    id_length: usize,
}

impl Vouching {
    /// Of a swarm whose ID has so many bytes.
    pub(super) const fn new(check: Option<RootCheck>, id_length: usize) -> Self {
        Self { check, id_length }
    }
}

impl Teller {
    /// Tells of these swarms.
    pub(super) fn new(
        args: &WorkArgs,
        swarms: Vec<(SwarmKey, Vec<u8>)>,
        chunk_size: u32,
        now: Moment,
    ) -> Self {
        let before = Before {
            at: now,
            received: 0,
            sent: 0,
        };
        let swarms = swarms.into_iter().map(|(key, id)| (key, id, before));
        Self {
            swarms: swarms.collect(),
            chunk_size,
            json: args.json,
            live: io::stderr().is_terminal(),
            has_met: false,
            vouching: None,
            has_doubts: false,
            possible: None,
        }
    }

    /// How many chunks content of unknown length may have: so many were offered
    /// last, and all of them came.
    pub(super) const fn possible_size(&self) -> Option<u64> {
        self.possible
    }

    /// Compares complete content with its swarm ID, as nothing else protects it.
    pub(super) fn vouch(&mut self, vouching: Vouching) {
        self.vouching = Some(vouching);
    }

    /// Whether complete content does not match a swarm ID that may be its root
    /// hash, or could not be compared.
    pub(super) const fn has_doubts(&self) -> bool {
        self.has_doubts
    }

    /// Whether any peer ever answered.
    pub(super) const fn has_met(&self) -> bool {
        self.has_met
    }

    /// Tells of something.
    pub(super) fn tell(&mut self, driver: &Driver, now: Moment, news: &News<'_>) -> io::Result<()> {
        match news {
            News::Event(event) => {
                self.has_met |= matches!(event, Event::Connected { .. });
                self.tell_event(now, event)?;
                match event {
                    Event::Complete { swarm } => self.tell_vouching(driver, now, *swarm),
                    _ => Ok(()),
                }
            }
            News::Tick => self.tell_progress(driver, now),
        }
    }

    /// Leaves the line that was written over.
    pub(super) fn end(&self) {
        if self.live && !self.json {
            let _ = writeln!(io::stderr());
        }
    }

    fn tell_event(&self, now: Moment, event: &Event) -> io::Result<()> {
        if self.json {
            let mut out = io::stdout().lock();
            write_event_json(&mut out, now, event)?;
            return out.flush();
        }
        if matches!(event, Event::PeerFound { .. }) {
            return Ok(());
        }
        let mut errors = io::stderr().lock();
        if self.live {
            write!(errors, "\r\x1b[K")?;
        }
        write_event(&mut errors, event)?;
        writeln!(errors)
    }

    /// Says whether the swarm ID vouches for complete content.
    fn tell_vouching(&mut self, driver: &Driver, now: Moment, swarm: SwarmKey) -> io::Result<()> {
        let Some(Vouching { check, id_length }) = &self.vouching else {
            return Ok(());
        };
        let chunks = driver.peer.size(swarm).unwrap_or(0);
        let matches = check.as_ref().map(|check| check.matches(chunks));
        self.has_doubts = matches!(matches, Some(Err(_) | Ok(false)));
        let comparison = Comparison {
            matches,
            id_length: *id_length,
            function: check.as_ref().map(RootCheck::function),
            chunk_size: self.chunk_size,
        };
        if self.json {
            let mut out = io::stdout().lock();
            write_comparison_json(&mut out, now, &comparison)?;
            return out.flush();
        }
        let mut errors = io::stderr().lock();
        write_comparison(&mut errors, &comparison)?;
        writeln!(errors)
    }

    fn tell_progress(&mut self, driver: &Driver, now: Moment) -> io::Result<()> {
        let mut out = io::stdout().lock();
        let mut errors = io::stderr().lock();
        for (swarm, id, before) in &mut self.swarms {
            let totals = driver.peer.totals(*swarm);
            // At the end nobody is there to offer anything.
            self.possible = driver.peer.possible_size(*swarm).or(self.possible);
            let summary = TransferSummary {
                peer: &driver.peer,
                swarm: *swarm,
                id,
                chunk_size: self.chunk_size,
                received: totals.received - before.received,
                sent: totals.sent - before.sent,
                within: now.since(before.at),
            };
            *before = Before {
                at: now,
                received: totals.received,
                sent: totals.sent,
            };
            if self.json {
                write_transfer_json(&mut out, now, &summary)?;
            } else if self.live {
                write!(errors, "\r\x1b[K")?;
                write_transfer(&mut errors, &summary)?;
            }
        }
        out.flush()?;
        errors.flush()
    }
}
