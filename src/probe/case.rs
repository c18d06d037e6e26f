//! A conformance case: data that says what is tested, and a function that
//! tests it.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use ppspp_dissector::wire::MessageType;

use super::conversation::Conversation;
use crate::peer::misbehave::Misbehaviour;

/// How binding a requirement is (RFC 2119).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// The RFC says MUST, SHALL or REQUIRED.
    Must,
    /// The RFC says SHOULD or RECOMMENDED: not to meet it is a warning.
    Should,
    /// The RFC lets other peers do this, so the target has to take it.
    May,
    /// The RFC is silent, or speaks of threats: nothing that comes from the
    /// network may end or mislead a peer.
    Robustness,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Must, Self::Should, Self::May, Self::Robustness];

    /// The name in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Robustness => "robustness",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What the target is in the swarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// It has static content and serves it; we open the channel.
    Seeder,
    /// It wants static content; it opens the channel.
    Leecher,
    /// It is the source of a live stream; we open the channel.
    Injector,
    /// It wants a live stream; it opens the channel.
    Viewer,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Seeder, Self::Leecher, Self::Injector, Self::Viewer];

    /// Those that serve: we open the channel and ask for chunks.
    pub const SOURCES: &[Self] = &[Self::Seeder, Self::Injector];

    /// Those that fetch: they open the channel, and we serve.
    pub const FETCHERS: &[Self] = &[Self::Leecher, Self::Viewer];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Seeder => "seeder",
            Self::Leecher => "leecher",
            Self::Injector => "injector",
            Self::Viewer => "viewer",
        }
    }
}

/// One conformance case.
#[derive(Debug)]
pub struct Case {
    /// `rfc7574/<section>/<slug>`; it never changes.
    pub id: &'static str,
    /// How binding the requirement is.
    pub level: Level,
    /// What the target may be: any of these.
    pub roles: &'static [Role],
    /// What is tested, in a few words.
    pub title: &'static str,
    /// What the RFC asks for, in our words.
    pub requirement: &'static str,
    /// The messages that it waits for. All others that are no offence
    /// (keep-alives, HAVEs, PEX, repeated handshakes) it lets pass.
    pub awaits: &'static [MessageType],
    /// How long it may take at most.
    pub limit: Duration,
    /// The RFC erratum that the requirement rests on: without it the case does
    /// not apply.
    pub erratum: Option<u32>,
    /// Whether it takes so long that it only runs when asked for.
    pub is_slow: bool,
    /// Whether no other may run beside it: it may end the target, or shuts others
    /// out for a while.
    pub is_alone: bool,
    /// Violations that it is there to find: a peer that does one of them fails
    /// it, and our tests make one that does.
    pub finds: &'static [Misbehaviour],
    /// Runs it.
    pub run: fn(&mut Conversation<'_>) -> Outcome,
}

impl Case {
    /// What most cases are; areas override what differs.
    pub const USUAL: Self = Self {
        id: "",
        level: Level::Must,
        roles: Role::SOURCES,
        title: "",
        requirement: "",
        awaits: &[],
        limit: Duration::from_secs(20),
        erratum: None,
        is_slow: false,
        is_alone: false,
        finds: &[],
        run: |_| Ok(()),
    };

    /// Whether it tests a target in this role.
    pub fn tests(&self, role: Role) -> bool {
        self.roles.contains(&role)
    }

    /// The names of its roles, for people.
    pub fn role_names(&self) -> String {
        let names: Vec<&str> = self.roles.iter().map(|role| role.name()).collect();
        names.join(", ")
    }

    /// The section of the RFC, which is part of the id.
    pub fn section(&self) -> &'static str {
        self.id.split('/').nth(1).unwrap_or_default()
    }
}

/// What a case comes to: nothing where the requirement is met.
pub type Outcome = Result<(), Stop>;

/// Why a case ended otherwise than by a requirement that is met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The requirement is not met.
    Violation(Violation),
    /// The case says nothing about this target.
    Skip(String),
    /// The case could not be brought to its end, by loss or by what the target
    /// did before the point in question.
    Inconclusive(String),
    /// We could not do our part.
    Error(String),
}

/// How a requirement is not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What should have come.
    pub expected: String,
    /// What came instead.
    pub actual: String,
    /// The datagrams that show it, by their place in the case's record.
    pub frames: Vec<usize>,
    /// Whether it is that nothing came, which loss would look like.
    pub is_silence: bool,
}

impl Stop {
    /// A requirement that is not met, as these datagrams show.
    pub fn violation(
        expected: impl Into<String>,
        actual: impl Into<String>,
        frames: impl IntoIterator<Item = usize>,
    ) -> Self {
        let frames: BTreeSet<usize> = frames.into_iter().collect();
        Self::Violation(Violation {
            expected: expected.into(),
            actual: actual.into(),
            frames: frames.into_iter().collect(),
            is_silence: false,
        })
    }

    /// Something should have come, and nothing did.
    pub fn silence(expected: impl Into<String>, actual: impl Into<String>) -> Self {
        Self::Violation(Violation {
            expected: expected.into(),
            actual: actual.into(),
            frames: Vec::new(),
            is_silence: true,
        })
    }
}

/// What is said of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// The requirement is met.
    Pass,
    /// It is not.
    Fail,
    /// A SHOULD is not met.
    Warn,
    /// The case says nothing about this target.
    Skip,
    /// It could not be brought to its end.
    Inconclusive,
    /// We could not do our part.
    Error,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Pass,
        Self::Fail,
        Self::Warn,
        Self::Skip,
        Self::Inconclusive,
        Self::Error,
    ];

    /// The name in reports.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Warn => "warn",
            Self::Skip => "skip",
            Self::Inconclusive => "inconclusive",
            Self::Error => "error",
        }
    }
}
