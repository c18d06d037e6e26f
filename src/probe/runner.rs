//! Runs cases one after the other and looks after the target's life.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use ppspp_dissector::wire::HashFunction;
use rand_chacha::ChaCha12Rng;
use rand_core::SeedableRng as _;

use super::acquaintance::{Unreachable, find_hash_function, meet};
use super::case::{Case, Level, Stop, Verdict, Violation};
use super::conversation::{Conversation, Frame, Party, Patience};
use super::net::Net;
use super::serve::{Fate, Source, welcome};
use super::swarm::{Known, Swarm};

/// What is to be done.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Whom to probe; one that comes to us is anywhere.
    pub target: SocketAddr,
    /// What we serve, where the target comes to us.
    pub source: Option<Arc<Source>>,
    /// In which swarm.
    pub swarm: Swarm,
    /// The cases, in their order.
    pub cases: Vec<&'static Case>,
    /// How long answers may take.
    pub patience: Patience,
    /// What all randomness comes from.
    pub seed: u64,
    /// How often each case is run.
    pub repeat: u32,
    /// Errata that apply.
    pub errata: Vec<u32>,
    /// Whether a SHOULD that is not met is a failure.
    pub strict: bool,
}

impl Plan {
    /// Whom it is about.
    const fn party(&self) -> Party<'_> {
        Party {
            target: self.target,
            swarm: &self.swarm,
            patience: self.patience,
        }
    }
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct CaseReport {
    /// Which.
    pub case: &'static Case,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence; nothing for a pass.
    pub detail: String,
    /// What is not met, where it is not.
    pub violation: Option<Violation>,
    /// All datagrams.
    pub record: Vec<Frame>,
    /// How long it took.
    pub took: Duration,
    /// Whether the target no longer answered after it.
    pub killed: bool,
}

/// What came of a probe.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was found out about the target.
    pub known: Known,
    /// The datagrams with which that was found out.
    pub record: Vec<Frame>,
    /// The cases.
    pub cases: Vec<CaseReport>,
}

impl Report {
    /// How many cases came to a verdict.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.cases.iter().filter(|it| it.verdict == verdict).count()
    }
}

/// Bytes of datagrams that a report keeps in all.
const MOST_KEPT: usize = 256 * 1024 * 1024;

/// How long a silence over loopback has to last to count at once.
const LASTING: Duration = Duration::from_secs(10);

/// What it keeps of each case after so many: bytes of the first datagrams, and of
/// those that decided it so many.
const KEPT_BYTES: usize = 128 * 1024;
const KEPT_DECISIVE: usize = 12;

impl CaseReport {
    /// Forgets datagrams that did not decide the case: there were too many of the
    /// cases before. How many bytes are left.
    fn shorten(&mut self, left: usize) -> usize {
        let count = |record: &[Frame]| record.iter().map(|frame| frame.bytes.len()).sum();
        let bytes: usize = count(&self.record);
        if let Some(left) = left.checked_sub(bytes) {
            return left;
        }
        let decisive = self.violation.iter().flat_map(|it| it.frames.iter());
        let decisive: BTreeSet<usize> = decisive.copied().take(KEPT_DECISIVE).collect();
        let before = self.record.len();
        let mut places = BTreeMap::new();
        let record = std::mem::take(&mut self.record);
        let mut passed = 0;
        for (place, frame) in record.into_iter().enumerate() {
            passed += frame.bytes.len();
            if passed <= KEPT_BYTES || decisive.contains(&place) {
                places.insert(place, self.record.len());
                self.record.push(frame);
            }
        }
        if let Some(violation) = &mut self.violation {
            violation.frames = decisive
                .iter()
                .filter_map(|place| places.get(place).copied())
                .collect();
        }
        let gone = before - self.record.len();
        if let Some(last) = self.record.last_mut().filter(|_| gone > 0) {
            last.notes
                .push(format!("{gone} datagrams of this case are not recorded"));
        }
        left.saturating_sub(count(&self.record))
    }
}

/// Who brings a target back to life that has died. Whether there is one again.
pub type Revive<'a, N> = &'a mut dyn FnMut(&mut N) -> bool;

/// Several cases at once: how many, and what gives each a way to the target.
#[derive(Clone, Copy)]
#[expect(missing_debug_implementations, reason = "a function has none")]
pub struct Crew<'a, N> {
    /// How many.
    pub jobs: NonZeroUsize,
    /// A net of its own for each.
    pub net: &'a (dyn Fn() -> N + Sync),
}

/// Runs the plan; `tell` is called after each case. With a crew, cases that
/// other ones may run beside come first, several at once.
///
/// # Errors
/// When the target answers nothing from the beginning.
pub fn run<N: Net>(
    plan: &Plan,
    net: &mut N,
    crew: Option<&Crew<'_, N>>,
    revive: Revive<'_, N>,
    tell: &mut dyn FnMut(&Known, &CaseReport),
) -> Result<Report, Unreachable> {
    let random = generator(plan.seed, "acquaintance", 0);
    let acquaintance = match &plan.source {
        Some(source) => welcome(net, source, plan.party(), &random)?,
        None => meet(net, plan.party(), &random)?,
    };
    let known = acquaintance.known;
    let mut cases: Vec<Option<CaseReport>> = plan.cases.iter().map(|_| None).collect();
    let mut dead_since: Option<&'static str> = None;
    let mut left = MOST_KEPT;
    if let Some(crew) = crew {
        let all_lived = at_once(plan, crew, &known, &mut cases, &mut left, tell);
        if !all_lived && !revive(net) {
            dead_since = Some("some case of several at once; --jobs 1 tells which");
        }
    }
    for (&case, place) in plan.cases.iter().zip(&mut cases) {
        if place.is_some() {
            continue;
        }
        let mut report = match dead_since {
            Some(killer) => not_run(case, killer),
            None => run_case(plan, net, &known, case),
        };
        if report.killed && !revive(net) {
            dead_since = Some(case.id);
        }
        left = report.shorten(left);
        tell(&known, &report);
        *place = Some(report);
    }
    Ok(Report {
        known,
        record: acquaintance.record,
        cases: cases.into_iter().flatten().collect(),
    })
}

/// The hash function of the tree of a plan's live stream: the plan's own, unless
/// chunks verify with another one only.
///
/// # Errors
/// When the target answers nothing.
pub fn find_hash<N: Net>(plan: &Plan, net: &mut N) -> Result<HashFunction, Unreachable> {
    let random = generator(plan.seed, "hash function", 0);
    find_hash_function(net, plan.party(), &random)
}

/// Runs cases beside each other until the target dies of one; whether it lived.
/// What any of them found when it was dead already does not count: they stay
/// open.
fn at_once<N: Net>(
    plan: &Plan,
    crew: &Crew<'_, N>,
    known: &Known,
    cases: &mut [Option<CaseReport>],
    left: &mut usize,
    tell: &mut dyn FnMut(&Known, &CaseReport),
) -> bool {
    // One that comes to us is there for its case alone.
    let is_shared = plan.source.is_none();
    // What may take long comes first, so that nothing is left to wait for in the end.
    let mut order: Vec<usize> = (0..plan.cases.len()).collect();
    order.sort_by_key(|&index| Reverse(plan.cases[index].limit));
    let next = AtomicUsize::new(0);
    let died = AtomicBool::new(false);
    let (send, reports) = mpsc::channel();
    thread::scope(|scope| {
        for _ in 0..crew.jobs.get() {
            let (send, next, died, order) = (send.clone(), &next, &died, &order);
            scope.spawn(move || {
                let mut way = (crew.net)();
                while !died.load(Ordering::Relaxed) {
                    let Some(&index) = order.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        return;
                    };
                    let case = plan.cases[index];
                    if case.is_alone {
                        continue;
                    }
                    let report = run_case(plan, &mut way, known, case);
                    if report.killed && is_shared {
                        died.store(true, Ordering::Relaxed);
                    }
                    // The receiver stays until all have ended.
                    let _ = send.send((index, report));
                }
            });
        }
        drop(send);
        for (index, mut report) in reports {
            // A failure may be the death that another one has caused.
            let is_sure = !died.load(Ordering::Relaxed) || report.verdict == Verdict::Pass;
            if is_sure && !(report.killed && is_shared) {
                *left = report.shorten(*left);
                tell(known, &report);
                cases[index] = Some(report);
            }
        }
    });
    !died.load(Ordering::Relaxed)
}

fn not_run(case: &'static Case, killer: &str) -> CaseReport {
    CaseReport {
        case,
        verdict: Verdict::Inconclusive,
        detail: format!("not run: the target has not answered since {killer}"),
        violation: None,
        record: Vec::new(),
        took: Duration::ZERO,
        killed: false,
    }
}

/// A generator that depends on the seed, the case and the run: one more case
/// does not change what others draw.
fn generator(seed: u64, id: &str, round: u32) -> ChaCha12Rng {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..12].copy_from_slice(&round.to_le_bytes());
    // FNV-1a: the same on every machine and in every version.
    let hash = id.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    bytes[12..20].copy_from_slice(&hash.to_le_bytes());
    ChaCha12Rng::from_seed(bytes)
}

/// Runs a case as often as wanted; the worst run counts.
fn run_case(plan: &Plan, net: &mut dyn Net, known: &Known, case: &'static Case) -> CaseReport {
    if let Some(erratum) = case.erratum
        && !plan.errata.contains(&erratum)
    {
        return CaseReport {
            verdict: Verdict::Skip,
            detail: format!("it rests on erratum {erratum}; --errata {erratum} applies that"),
            ..not_run(case, "")
        };
    }
    let mut worst: Option<CaseReport> = None;
    for round in 0..plan.repeat.max(1) {
        let mut report = once(plan, net, known, case, round);
        let is_silence = |it: &CaseReport| it.violation.as_ref().is_some_and(|it| it.is_silence);
        if is_silence(&report) && !report.killed && !is_lasting(&report) {
            // Loss looks the same: it counts if it happens twice.
            let again = once(plan, net, known, case, round + 1000);
            let took = report.took + again.took;
            if is_silence(&again) || again.killed {
                report = again;
            } else if again.verdict == Verdict::Pass {
                report.verdict = Verdict::Inconclusive;
                report.detail = format!("{}; when tried again it passed", report.detail);
            }
            report.took = took;
        }
        let killed = report.killed;
        if worst
            .as_ref()
            .is_none_or(|worst| gravity(report.verdict) > gravity(worst.verdict))
        {
            worst = Some(report);
        }
        if killed {
            break;
        }
    }
    worst.unwrap_or_else(|| not_run(case, ""))
}

/// Whether a silence is none that loss could explain: over loopback datagrams get lost
/// where a socket is full, and not for so long.
fn is_lasting(report: &CaseReport) -> bool {
    let is_near = |frame: &Frame| frame.source.ip().is_loopback();
    report.took >= LASTING && report.record.iter().all(is_near)
}

const fn gravity(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Skip => 0,
        Verdict::Pass => 1,
        Verdict::Inconclusive => 2,
        Verdict::Warn => 3,
        Verdict::Error => 4,
        Verdict::Fail => 5,
    }
}

fn once(
    plan: &Plan,
    net: &mut dyn Net,
    known: &Known,
    case: &'static Case,
    round: u32,
) -> CaseReport {
    let began = net.now();
    let random = generator(plan.seed, case.id, round);
    let mut conversation = Conversation::new(net, plan.party(), known, random, case.limit)
        .awaiting(case.awaits)
        .serving(plan.source.as_deref());
    let outcome = (case.run)(&mut conversation);
    let record = conversation.finish();
    let took = net.now().since(began);
    let failing = match case.level {
        Level::Should if !plan.strict => Verdict::Warn,
        _ => Verdict::Fail,
    };
    let (verdict, detail, violation) = match outcome {
        Ok(()) => (Verdict::Pass, String::new(), None),
        Err(Stop::Violation(violation)) => (failing, violation.actual.clone(), Some(violation)),
        Err(Stop::Skip(reason)) => (Verdict::Skip, reason, None),
        Err(Stop::Inconclusive(reason)) => (Verdict::Inconclusive, reason, None),
        Err(Stop::Error(reason)) => (Verdict::Error, reason, None),
    };
    let mut report = CaseReport {
        case,
        verdict,
        detail,
        violation,
        record,
        took,
        killed: false,
    };
    let death = if plan.source.is_some() {
        let fate = net.fate();
        net.dismiss();
        match fate {
            Fate::Crashed(how) => Some(("the target lives", how)),
            _ => None,
        }
    } else {
        (!is_alive(plan, net, known, case.id)).then(|| {
            let actual = "after this case it answers none any more".to_owned();
            ("the target goes on answering HANDSHAKEs", actual)
        })
    };
    if let Some((expected, actual)) = death {
        report.killed = true;
        report.verdict = Verdict::Fail;
        report.detail.clone_from(&actual);
        report.violation = Some(Violation {
            expected: expected.to_owned(),
            actual,
            frames: report.record.len().checked_sub(1).into_iter().collect(),
            is_silence: false,
        });
    }
    report
}

/// Whether the target answers a HANDSHAKE.
fn is_alive(plan: &Plan, net: &mut dyn Net, known: &Known, after: &str) -> bool {
    let random = generator(plan.seed, after, u32::MAX);
    let limit = plan.patience.answer * 4;
    let mut conversation = Conversation::new(net, plan.party(), known, random, limit);
    let port = conversation.first_port();
    let met = port.and_then(|port| conversation.shake(port));
    conversation.finish();
    met.is_ok()
}
