//! Targets that are silent, die, flood, or answer with garbage: no case hangs,
//! none panics, and little is remembered. In virtual time, so that an hour costs
//! seconds.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ppspp_dissector::integrity::{ContentTree, TreeHash};
use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};
use rand_chacha::ChaCha12Rng;
use rand_core::{Rng as _, SeedableRng as _};

use super::serve::{Fate, Invitation, Source};
use super::simulated::{SimulatedNet, seeder};
use super::{
    Arrival, Net, Patience, Plan, Port, Report, Role, Selection, Swarm, Unreachable, Verdict,
    cases, run,
};
use crate::peer::engine::Moment;

/// What a target does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hostility {
    /// It never answers.
    Silent,
    /// It says nothing more after so many datagrams.
    Dies(u32),
    /// Half of what it says has random bytes changed, cut or added.
    Spoils,
    /// It answers everything with bytes that mean nothing, some with our channel
    /// before them.
    Babbles,
    /// It sends what it says, and garbage of this length, again and again, as fast
    /// as this.
    Floods(usize, Duration),
    /// It sends what nobody asked for, as fast as this: who serves chunks and hashes,
    /// who fetches a thousand REQUESTs, HAVEs and ACKs of chunks anywhere at once.
    Pushes(Duration),
}

/// Random bytes of which all garbage is a part: to draw them anew takes longer than
/// all else.
const GARBAGE: usize = 256 * 1024;

/// A way to an honest peer on which somebody hostile sits.
#[derive(Debug)]
struct Hostile {
    inner: SimulatedNet,
    role: Role,
    garbage: Vec<u8>,
    what: Hostility,
    random: ChaCha12Rng,
    sent: u32,
    /// The port and the channel that were used last.
    last: Option<(Port, [u8; 4])>,
    waiting: VecDeque<Arrival>,
}

impl Hostile {
    fn new(inner: SimulatedNet, role: Role, what: Hostility, seed: u64) -> Self {
        let mut random = ChaCha12Rng::seed_from_u64(seed);
        let mut garbage = vec![0; GARBAGE];
        random.fill_bytes(&mut garbage);
        Self {
            inner,
            role,
            garbage,
            what,
            random,
            sent: 0,
            last: None,
            waiting: VecDeque::new(),
        }
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.random.next_u64() % limit.max(1) as u64) as usize
    }

    fn garbage(&mut self, length: usize) -> Vec<u8> {
        let start = self.below(GARBAGE - length);
        let mut bytes = self.garbage[start..start + length].to_vec();
        if let (Some((_, channel)), Some(start)) = (self.last, bytes.first_chunk_mut()) {
            *start = channel;
        }
        // A message type that there is.
        if let Some(kind) = bytes.get_mut(4) {
            *kind %= 16;
        }
        bytes
    }

    fn spoil(&mut self, bytes: &mut Vec<u8>) {
        match self.below(4) {
            0 => {
                let length = self.below(bytes.len());
                bytes.truncate(length);
            }
            1 => {
                let more = self.below(2000);
                let more = self.garbage(more);
                bytes.extend(more);
            }
            _ => {
                for _ in 0..=self.below(4) {
                    let (place, value) = (self.below(bytes.len()), self.random.next_u32() as u8);
                    if let Some(byte) = bytes.get_mut(place) {
                        *byte = value;
                    }
                }
            }
        }
    }

    /// A datagram that nobody asked for.
    fn unasked(&mut self) -> Option<Arrival> {
        let (port, channel) = self.last?;
        let bytes = if let Hostility::Floods(length, _) = self.what {
            self.garbage(length)
        } else {
            let mut bytes = channel.to_vec();
            let of_sources: &[(u8, usize)] = &[(1, 8 + 1024), (4, 32)];
            let of_fetchers: &[(u8, usize)] = &[(8, 0), (3, 0), (2, 8)];
            let (kinds, count) = match self.role {
                Role::Leecher => (of_fetchers, 1000),
                _ => (of_sources, 1),
            };
            for _ in 0..count {
                // A message of this type and so many bytes about a chunk anywhere.
                let chunk = self.random.next_u32() >> self.below(32);
                let (kind, rest) = kinds[self.below(kinds.len())];
                bytes.push(kind);
                bytes.extend(chunk.to_be_bytes());
                bytes.extend(chunk.to_be_bytes());
                bytes.resize(bytes.len() + rest, 0xa5);
            }
            bytes
        };
        Some(Arrival {
            at: self.inner.now(),
            port,
            source: SimulatedNet::TARGET,
            bytes,
        })
    }
}

impl Net for Hostile {
    fn now(&self) -> Moment {
        self.inner.now()
    }

    fn open(&mut self) -> io::Result<Port> {
        self.inner.open()
    }

    fn address(&self, port: Port) -> SocketAddr {
        self.inner.address(port)
    }

    fn send(&mut self, port: Port, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.sent += 1;
        // A HANDSHAKE names our channel behind its own ID and type, unless it closes.
        if let Some(channel) = datagram.get(5..9).and_then(|it| it.first_chunk())
            && datagram[4] == 0
            && *channel != [0; 4]
        {
            self.last = Some((port, *channel));
        }
        match self.what {
            Hostility::Silent => return Ok(()),
            Hostility::Dies(after) if self.sent > after => return Ok(()),
            Hostility::Babbles => {
                for _ in 0..3 {
                    let length = self.below(1500);
                    let bytes = self.garbage(length);
                    let at = self.inner.now();
                    self.waiting.push_back(Arrival {
                        at,
                        port,
                        source: SimulatedNet::TARGET,
                        bytes,
                    });
                }
                return Ok(());
            }
            _ => {}
        }
        self.inner.send(port, to, datagram)
    }

    fn receive(&mut self, until: Moment) -> io::Result<Option<Arrival>> {
        if let Some(arrival) = self.waiting.pop_front() {
            return Ok(Some(arrival));
        }
        let pace = match self.what {
            Hostility::Floods(_, pace) | Hostility::Pushes(pace) => Some(pace),
            _ => None,
        };
        let now = self.inner.now();
        let next = pace.map_or(until, |pace| until.min(now + pace));
        match self.inner.receive(next)? {
            Some(_) if self.what == Hostility::Silent => self.receive(until),
            Some(mut arrival) => {
                if self.what == Hostility::Spoils && self.below(2) == 0 {
                    self.spoil(&mut arrival.bytes);
                }
                if pace.is_some() {
                    self.waiting.push_back(arrival.clone());
                }
                Ok(Some(arrival))
            }
            None if next < until => Ok(self.unasked()),
            None => Ok(None),
        }
    }

    fn close_all(&mut self) {
        self.inner.close_all();
        self.last = None;
        self.waiting.clear();
    }

    fn invite(&mut self, invitation: &Invitation) -> io::Result<()> {
        self.inner.invite(invitation)
    }

    fn takes_other_content(&self) -> bool {
        self.inner.takes_other_content()
    }

    fn fate(&mut self) -> Fate {
        self.inner.fate()
    }

    fn output(&mut self) -> Option<Vec<u8>> {
        self.inner.output()
    }

    fn dismiss(&mut self) {
        self.inner.dismiss();
    }
}

/// Probes a hostile target; what came of it, and how long that took.
fn probe(
    role: Role,
    what: Hostility,
    seed: u64,
    only: &str,
) -> (Result<Report, Unreachable>, Duration) {
    let content: Vec<u8> = (0..70 * 1024_u32).map(|at| (at >> 3) as u8).collect();
    let function = TreeHash::new(HashFunction::Sha256).expect("assigned");
    let mut tree = ContentTree::new(function);
    for chunk in content.chunks(1024) {
        tree.push(chunk);
    }
    let swarm = Swarm {
        id: tree.root().expect("content").as_bytes().to_vec(),
        integrity: ContentIntegrity::Merkle,
        hash_function: HashFunction::Sha256,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: 1024,
    };
    let (inner, source) = if role == Role::Leecher {
        let source = Source::of_numbers(swarm.chunk_size);
        (SimulatedNet::for_guests(None), Some(Arc::new(source)))
    } else {
        let target = seeder(&content, &swarm, None).expect("a swarm");
        (SimulatedNet::new(target), None)
    };
    let mut net = Hostile::new(inner, role, what, seed);
    let began = net.now();
    let selection = Selection {
        include: vec![only.to_owned()],
        ..Selection::default()
    };
    let plan = Plan {
        target: match role {
            Role::Leecher => SocketAddr::from(([0, 0, 0, 0], 0)),
            _ => SimulatedNet::TARGET,
        },
        source,
        swarm,
        cases: cases().filter(|case| selection.wants(case, role)).collect(),
        patience: Patience::of(Duration::from_millis(500)),
        seed,
        repeat: 1,
        errata: vec![4880],
        strict: true,
    };
    // Who comes to us is started anew in any case.
    let revive = role == Role::Leecher;
    let result = run(&plan, &mut net, None, &mut |_| revive, &mut |_, _| {});
    (result, net.now().since(began))
}

/// No case took longer than it may, and little is remembered of it.
fn check(report: &Report) {
    let mut all = 0;
    for case in &report.cases {
        // It may be tried twice, and then the target is looked at.
        let most = case.case.limit * 2 + Duration::from_secs(10);
        assert!(case.took <= most, "{}: {:?}", case.case.id, case.took);
        let bytes: usize = case.record.iter().map(|frame| frame.bytes.len()).sum();
        assert!(bytes <= super::conversation::MOST_BYTES, "{}", case.case.id);
        assert_ne!(
            case.verdict,
            Verdict::Error,
            "{}: {}",
            case.case.id,
            case.detail
        );
        for place in case.violation.iter().flat_map(|it| &it.frames) {
            assert!(*place < case.record.len(), "{}", case.case.id);
        }
        all += bytes;
    }
    assert!(all < 300 * 1024 * 1024, "{all} bytes are remembered");
}

#[test]
fn a_silent_target_is_told_apart_soon() {
    let (result, took) = probe(Role::Seeder, Hostility::Silent, 1, "*");
    let error = result.expect_err("nobody");
    assert!(matches!(error, Unreachable::Silent { .. }), "{error}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_target_of_garbage_alone_is_nobody() {
    for seed in 0..20 {
        let (result, took) = probe(Role::Seeder, Hostility::Babbles, seed, "*");
        // Random bytes may look like a reply, but serve nothing.
        match result {
            Err(Unreachable::Silent { .. }) => {}
            Err(error) => panic!("{error}"),
            Ok(report) => check(&report),
        }
        assert!(took < Duration::from_secs(60), "{took:?}");
    }
}

#[test]
fn a_target_that_dies_leaves_the_rest_inconclusive() {
    for after in [4, 5, 6, 9, 30, 100, 300] {
        let (result, took) = probe(Role::Seeder, Hostility::Dies(after), 1, "*");
        if let Ok(report) = &result {
            check(report);
            let killed = report.cases.iter().filter(|case| case.killed).count();
            assert_eq!(killed, 1, "after {after} datagrams");
            let last = report.cases.last().expect("cases");
            assert_eq!(last.verdict, Verdict::Inconclusive);
        }
        assert!(took < Duration::from_secs(600), "{took:?}");
    }
}

#[test]
fn a_target_that_spoils_what_it_says_costs_time_only() {
    for seed in 0..3 {
        let (result, took) = probe(Role::Seeder, Hostility::Spoils, seed, "*");
        if let Ok(report) = &result {
            check(report);
        }
        assert!(took < Duration::from_secs(3600), "{took:?}");
    }
}

#[test]
fn a_target_that_floods_does_not_fill_the_memory() {
    let pace = Duration::from_micros(500);
    for what in [Hostility::Floods(60_000, pace), Hostility::Pushes(pace)] {
        let (result, took) = probe(Role::Seeder, what, 1, "3.*");
        let report = result.expect("it answers all the same");
        check(&report);
        assert!(took < Duration::from_secs(1200), "{took:?}");
    }
}

#[test]
fn a_leecher_that_never_comes_is_told_apart_soon() {
    let (result, took) = probe(Role::Leecher, Hostility::Silent, 1, "*");
    let error = result.expect_err("nobody");
    assert!(matches!(error, Unreachable::Absent(_)), "{error}");
    assert!(took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn a_leecher_that_hears_nothing_is_told_apart_soon() {
    let (result, took) = probe(Role::Leecher, Hostility::Babbles, 1, "*");
    if let Ok(report) = &result {
        check(report);
    }
    assert!(took < Duration::from_secs(3600), "{took:?}");
}

#[test]
fn a_leecher_that_spoils_what_it_says_costs_time_only() {
    let (result, took) = probe(Role::Leecher, Hostility::Spoils, 1, "*");
    if let Ok(report) = &result {
        check(report);
    }
    assert!(took < Duration::from_secs(3600), "{took:?}");
}

#[test]
fn a_leecher_that_floods_does_not_fill_the_memory() {
    let pace = Duration::from_millis(1);
    for what in [Hostility::Floods(60_000, pace), Hostility::Pushes(pace)] {
        let (result, took) = probe(Role::Leecher, what, 1, "3.*");
        let report = result.expect("it comes all the same");
        check(&report);
        assert!(took < Duration::from_secs(1200), "{took:?}");
    }
}

/// An hour of each: `cargo test --release --lib hostile -- --ignored --nocapture`.
#[test]
#[ignore = "it takes minutes"]
fn an_hour_of_each_kind_is_borne() {
    let pace = Duration::from_micros(500);
    for role in [Role::Seeder, Role::Leecher] {
        for what in [
            Hostility::Silent,
            Hostility::Dies(40),
            Hostility::Spoils,
            Hostility::Babbles,
            Hostility::Floods(1400, pace),
            Hostility::Floods(60_000, pace),
            Hostility::Pushes(pace),
        ] {
            let began = Instant::now();
            let mut passed = Duration::ZERO;
            let mut runs = 0;
            while passed < Duration::from_secs(3600) {
                let (result, took) = probe(role, what, runs, "*");
                if let Ok(report) = &result {
                    check(report);
                }
                passed += took;
                runs += 1;
            }
            let real = began.elapsed();
            eprintln!("{role:?}, {what:?}: {runs} probes, {passed:?} of virtual time in {real:?}");
        }
    }
}
