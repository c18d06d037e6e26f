//! What a requirement is.

use std::fmt;

use ppspp_dissector::finding::FindingId;

/// The word by which the RFC binds (RFC 2119), as far as it uses them, or that
/// there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Keyword {
    /// MUST.
    Must,
    /// MUST NOT.
    MustNot,
    /// SHOULD.
    Should,
    /// SHOULD NOT.
    ShouldNot,
    /// RECOMMENDED.
    Recommended,
    /// MAY.
    May,
    /// OPTIONAL.
    Optional,
    /// None of them: the RFC states it, as the answer to a threat or as how
    /// something is.
    Stated,
}

impl Keyword {
    /// As the RFC writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::MustNot => "MUST NOT",
            Self::Should => "SHOULD",
            Self::ShouldNot => "SHOULD NOT",
            Self::Recommended => "RECOMMENDED",
            Self::May => "MAY",
            Self::Optional => "OPTIONAL",
            Self::Stated => "stated",
        }
    }

    /// How much it binds.
    pub const fn level(self) -> Level {
        match self {
            Self::Must | Self::MustNot => Level::Must,
            Self::Should | Self::ShouldNot | Self::Recommended => Level::Should,
            Self::May | Self::Optional => Level::May,
            Self::Stated => Level::Stated,
        }
    }
}

/// How much a requirement binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// MUST and MUST NOT.
    Must,
    /// SHOULD, SHOULD NOT and RECOMMENDED.
    Should,
    /// MAY and OPTIONAL.
    May,
    /// Statements without such a word: only those that a finding, a case or a test
    /// holds somebody to.
    Stated,
}

impl Level {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Must, Self::Should, Self::May, Self::Stated];

    /// The name in outputs and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Must => "MUST",
            Self::Should => "SHOULD",
            Self::May => "MAY",
            Self::Stated => "stated",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A test of our own peer: the file, from the root of the repository, and the
/// function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PeerTest(pub &'static str, pub &'static str);

/// Why nothing covers a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Uncovered {
    /// It can't be checked from the wire.
    NotCheckable(&'static str),
    /// It could be, and nothing does so yet.
    Unchecked(&'static str),
}

impl Uncovered {
    /// The word for outputs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotCheckable(_) => "not checkable",
            Self::Unchecked(_) => "unchecked",
        }
    }

    /// The reason, in one sentence.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::NotCheckable(reason) | Self::Unchecked(reason) => reason,
        }
    }
}

/// One requirement of the RFC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirement {
    /// `rfc7574/<section>/<slug>`; it never changes.
    pub id: &'static str,
    /// The RFC's word.
    pub keyword: Keyword,
    /// What the RFC asks for, in our words, in one sentence.
    pub text: &'static str,
    /// What holds an implementation to it.
    pub coverage: Coverage,
}

/// What holds an implementation to a requirement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Coverage {
    /// Findings of the analyzer that tell where it is not met.
    pub findings: &'static [FindingId],
    /// Cases of the prober, by id.
    pub cases: &'static [&'static str],
    /// Tests of our own peer.
    pub tests: &'static [PeerTest],
    /// Where there is nothing of these: why.
    pub uncovered: Option<Uncovered>,
}

impl Requirement {
    /// The section of the RFC, which is part of the id.
    pub fn section(&self) -> &'static str {
        self.id.split('/').nth(1).unwrap_or_default()
    }

    /// How much it binds.
    pub const fn level(&self) -> Level {
        self.keyword.level()
    }

    /// Whether a finding, a case or a test is there for it.
    pub const fn is_covered(&self) -> bool {
        let Coverage {
            findings,
            cases,
            tests,
            uncovered: _,
        } = self.coverage;
        !(findings.is_empty() && cases.is_empty() && tests.is_empty())
    }

    const fn new(id: &'static str, keyword: Keyword, text: &'static str) -> Self {
        Self {
            id,
            keyword,
            text,
            coverage: Coverage {
                findings: &[],
                cases: &[],
                tests: &[],
                uncovered: None,
            },
        }
    }

    pub(super) const fn findings(mut self, findings: &'static [FindingId]) -> Self {
        self.coverage.findings = findings;
        self
    }

    pub(super) const fn cases(mut self, cases: &'static [&'static str]) -> Self {
        self.coverage.cases = cases;
        self
    }

    pub(super) const fn tests(mut self, tests: &'static [PeerTest]) -> Self {
        self.coverage.tests = tests;
        self
    }

    /// Nothing covers it, as it does not show on the wire.
    pub(super) const fn not_checkable(mut self, reason: &'static str) -> Self {
        self.coverage.uncovered = Some(Uncovered::NotCheckable(reason));
        self
    }

    /// Nothing covers it: it allows something, and binds nobody.
    pub(super) const fn permission(self) -> Self {
        self.not_checkable("A permission: nobody breaks it, whether or not it is used.")
    }

    /// Nothing covers it yet.
    pub(super) const fn unchecked(mut self, reason: &'static str) -> Self {
        self.coverage.uncovered = Some(Uncovered::Unchecked(reason));
        self
    }
}

pub(super) const fn must(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::Must, text)
}

pub(super) const fn must_not(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::MustNot, text)
}

pub(super) const fn should(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::Should, text)
}

pub(super) const fn should_not(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::ShouldNot, text)
}

pub(super) const fn recommended(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::Recommended, text)
}

pub(super) const fn may(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::May, text)
}

pub(super) const fn optional(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::Optional, text)
}

pub(super) const fn stated(id: &'static str, text: &'static str) -> Requirement {
    Requirement::new(id, Keyword::Stated, text)
}

/// Files of tests that are named again and again.
pub(super) const BEHAVIOUR: &str = "tests/peer_behaviour.rs";
pub(super) const LIMITS: &str = "tests/peer_limits.rs";
pub(super) const LIVE: &str = "tests/peer_live.rs";
