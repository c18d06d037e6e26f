//! A live stream in a simulation: who makes it, and who plays it.

use std::time::Duration;

use ppspp_dissector::wire::SignatureAlgorithm;
use rand_core::Rng as _;

use super::chance::{Purpose, Seed};
use super::scenario::StreamSettings;
use crate::peer::engine::{Moment, Peer, StoreError, SwarmKey};
use crate::peer::keys::{KeyError, SigningKey};
use crate::peer::player;

/// How long a player waits for a chunk before it goes on with a later one.
const GAP: Duration = Duration::from_secs(2);

/// Bits of RSA keys: they are made for each run, and nobody has to fear for them.
const RSA_BITS: usize = 1024;

/// The stream of a scenario: which chunk it has when.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    seed: Seed,
    chunk_size: u32,
    /// When the first chunk is made, and how long it takes until the next one.
    began: Moment,
    interval: Duration,
}

impl Stream {
    pub(super) fn new(seed: Seed, chunk_size: u32, settings: &StreamSettings, at: Moment) -> Self {
        let bits = u128::from(chunk_size) * 8 * 1_000_000_000;
        let nanoseconds = bits / u128::from(settings.rate.bits_per_second().max(1));
        Self {
            seed,
            chunk_size,
            began: at,
            interval: Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
                .max(Duration::from_micros(1)),
        }
    }

    /// When a chunk is made.
    pub(super) fn made_at(&self, chunk: u64) -> Moment {
        let times = u32::try_from(chunk + 1).unwrap_or(u32::MAX);
        self.began + self.interval.saturating_mul(times)
    }

    /// The bytes of a chunk.
    fn chunk(&self, chunk: u64) -> Vec<u8> {
        let mut bytes = vec![0; self.chunk_size as usize];
        let purpose = Purpose::Stream(u32::try_from(chunk).unwrap_or(u32::MAX));
        self.seed.generator(purpose).fill_bytes(&mut bytes);
        bytes
    }
}

/// The key that signs a scenario's stream.
pub(super) fn key(seed: Seed, settings: &StreamSettings) -> Result<SigningKey, KeyError> {
    let mut secret = [0; 32];
    seed.generator(Purpose::Key).fill_bytes(&mut secret);
    let algorithm = settings.signature_algorithm;
    let is_rsa = matches!(
        algorithm,
        SignatureAlgorithm::RsaSha1 | SignatureAlgorithm::RsaSha256
    );
    let bits = is_rsa.then_some(RSA_BITS);
    SigningKey::generate_from_seed(algorithm, bits, &secret)
}

/// Makes a stream's chunks and signs them.
#[derive(Debug)]
pub(super) struct Injector {
    stream: Stream,
    key: SigningKey,
    next: u64,
}

impl Injector {
    pub(super) const fn new(stream: Stream, key: SigningKey) -> Self {
        Self {
            stream,
            key,
            next: 0,
        }
    }

    /// When the next chunk is made.
    pub(super) fn deadline(&self) -> Moment {
        self.stream.made_at(self.next)
    }

    /// Makes the chunks that are due.
    pub(super) fn elapse(
        &mut self,
        now: Moment,
        peer: &mut Peer,
        swarm: SwarmKey,
    ) -> Result<(), StoreError> {
        while self.deadline() <= now {
            let chunk = self.stream.chunk(self.next);
            let key = &self.key;
            peer.inject(now, swarm, &chunk, &mut |parts| key.sign(parts))?;
            self.next += 1;
        }
        Ok(())
    }

    /// Signs what is not signed yet.
    pub(super) fn finish(
        &self,
        now: Moment,
        peer: &mut Peer,
        swarm: SwarmKey,
    ) -> Result<(), StoreError> {
        let key = &self.key;
        peer.finish_stream(now, swarm, &mut |parts| key.sign(parts))
    }
}

/// What a viewer has played.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Playback {
    /// Chunks that were played, one after the other, each the injector's.
    pub played: u64,
    /// Chunks that were left out because they did not come in time.
    pub skipped: u64,
    /// Chunks that are not the injector's.
    pub wrong: u64,
    /// The first chunk that was played.
    pub first: Option<u64>,
    /// How long after a chunk was made it was played at most, and all of them
    /// together.
    pub longest_lag: Duration,
    /// See `longest_lag`.
    pub sum_of_lags: Duration,
}

impl Playback {
    /// How long after they were made chunks were played in the mean.
    pub fn mean_lag(&self) -> Duration {
        let played = u32::try_from(self.played).unwrap_or(u32::MAX);
        self.sum_of_lags.checked_div(played).unwrap_or_default()
    }
}

/// Plays a stream in its order, and looks whether it is the injector's.
#[derive(Debug)]
pub(super) struct Player {
    stream: Stream,
    player: player::Player,
    playback: Playback,
}

impl Player {
    pub(super) fn new(stream: Stream, now: Moment) -> Self {
        Self {
            stream,
            player: player::Player::new(GAP, now),
            playback: Playback::default(),
        }
    }

    /// What was played.
    pub(super) const fn playback(&self) -> Playback {
        Playback {
            skipped: self.player.skipped(),
            ..self.playback
        }
    }

    /// Plays what is there.
    pub(super) fn play(
        &mut self,
        now: Moment,
        peer: &mut Peer,
        swarm: SwarmKey,
    ) -> Result<(), StoreError> {
        let (stream, playback) = (&self.stream, &mut self.playback);
        self.player.play(now, peer, swarm, |at, chunk| {
            let lag = now.since(stream.made_at(at));
            playback.first.get_or_insert(at);
            playback.played += 1;
            playback.wrong += u64::from(chunk != stream.chunk(at));
            playback.longest_lag = playback.longest_lag.max(lag);
            playback.sum_of_lags += lag;
            Ok(())
        })
    }
}
