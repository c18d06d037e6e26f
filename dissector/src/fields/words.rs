//! Fields whose values are one of some words, each with a number.

use std::borrow::Cow;

use crate::finding::{CATALOGUE, Severity};
use crate::session::{Side, Verdict};
use crate::wire::dialect::DIALECTS;
use crate::wire::{
    ChunkAddressing, ContentIntegrity, HashFunction, Message, MessageType, SignatureAlgorithm,
};

/// Which words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Words {
    /// Message types (Table 7), with KEEPALIVE and legacy swift's RANDOMIZE.
    Messages,
    /// Content integrity protection methods (Table 4).
    ContentIntegrity,
    /// Hash functions (Table 5).
    HashFunctions,
    /// Live signature algorithms (section 7.7).
    SignatureAlgorithms,
    /// Chunk addressing methods (Table 6).
    ChunkAddressing,
    /// Verdicts on content.
    Verdicts,
    /// Severities of findings, which have an order.
    Severities,
    /// Ids of findings.
    Findings,
    /// Names of dialects.
    Dialects,
    /// The two sides of a channel.
    Sides,
    /// What can be inferred.
    Inferred,
}

/// Behind all octets: what is shown as a message and has no type of its own.
const KEEPALIVE: u16 = 256;
const RANDOMIZE: u16 = 257;

impl Words {
    /// Every word and its number, in the order of the numbers.
    pub fn all(self) -> Vec<(u16, &'static str)> {
        fn coded<T: Copy>(
            all: &'static [T],
            code: fn(T) -> u8,
            name: fn(T) -> Option<&'static str>,
        ) -> Vec<(u16, &'static str)> {
            all.iter()
                .filter_map(|&value| Some((code(value).into(), name(value)?)))
                .collect()
        }
        fn counted(words: impl Iterator<Item = &'static str>) -> Vec<(u16, &'static str)> {
            (0..).zip(words).collect()
        }
        match self {
            Self::Messages => {
                let types = coded(MessageType::ASSIGNED, MessageType::code, MessageType::name);
                let others = [(KEEPALIVE, "KEEPALIVE"), (RANDOMIZE, "RANDOMIZE")];
                types.into_iter().chain(others).collect()
            }
            Self::ContentIntegrity => coded(
                ContentIntegrity::ASSIGNED,
                ContentIntegrity::code,
                ContentIntegrity::name,
            ),
            Self::HashFunctions => coded(
                HashFunction::ASSIGNED,
                HashFunction::code,
                HashFunction::name,
            ),
            Self::SignatureAlgorithms => coded(
                SignatureAlgorithm::ASSIGNED,
                SignatureAlgorithm::code,
                SignatureAlgorithm::name,
            ),
            Self::ChunkAddressing => coded(
                ChunkAddressing::ASSIGNED,
                ChunkAddressing::code,
                ChunkAddressing::name,
            ),
            Self::Verdicts => counted(VERDICTS.iter().map(|verdict| verdict.name())),
            Self::Severities => counted(SEVERITIES.iter().map(|severity| severity.name())),
            Self::Findings => counted(CATALOGUE.iter().map(|entry| entry.name)),
            Self::Dialects => counted(DIALECTS.iter().map(|dialect| dialect.name)),
            Self::Sides => counted(["initiator", "responder"].into_iter()),
            Self::Inferred => counted(["chunk_addressing", "hash_function"].into_iter()),
        }
    }

    /// Whether the numbers are octets on the wire, so that they may be written
    /// instead of the words and there are more of them than words.
    pub const fn are_octets(self) -> bool {
        matches!(
            self,
            Self::Messages
                | Self::ContentIntegrity
                | Self::HashFunctions
                | Self::SignatureAlgorithms
                | Self::ChunkAddressing
        )
    }

    /// Whether one can be less than another.
    pub const fn are_ordered(self) -> bool {
        matches!(self, Self::Severities)
    }

    /// The words in the plural, for messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Messages => "message types",
            Self::ContentIntegrity => "content integrity protection methods",
            Self::HashFunctions => "hash functions",
            Self::SignatureAlgorithms => "signature algorithms",
            Self::ChunkAddressing => "chunk addressing methods",
            Self::Verdicts => "verdicts",
            Self::Severities => "severities",
            Self::Findings => "ids of findings",
            Self::Dialects => "dialects",
            Self::Sides => "sides of a channel",
            Self::Inferred => "what can be inferred",
        }
    }

    /// What a word means, in one sentence; empty where the RFC's own word says it.
    pub fn meaning(self, number: u16) -> &'static str {
        match self {
            Self::Findings => CATALOGUE
                .get(usize::from(number))
                .map_or("", |entry| entry.text),
            Self::Verdicts => match VERDICTS.get(usize::from(number)) {
                Some(Verdict::Verified) => "It is what the swarm ID promises.",
                Some(Verdict::Failed) => "It is not what the swarm ID promises.",
                Some(Verdict::Unverified) => "The capture holds too little to say, so far.",
                Some(Verdict::Unprotected) => "Nothing protects this swarm's content.",
                None => "",
            },
            Self::Severities => match SEVERITIES.get(usize::from(number)) {
                Some(Severity::Note) => "Worth knowing.",
                Some(Severity::Warning) => "A SHOULD that is not met, or something odd.",
                Some(Severity::Error) => "A MUST that is broken, or damage.",
                None => "",
            },
            Self::Messages => match number {
                KEEPALIVE => "A datagram without messages.",
                RANDOMIZE => "Legacy swift's: four random bytes.",
                _ => "",
            },
            _ => "",
        }
    }

    /// The word for a number, `unassigned-7` where the RFC has none for an octet.
    pub fn word(self, number: u16) -> Cow<'static, str> {
        let all = self.all();
        let found = all.iter().find(|(code, _)| *code == number);
        found.map_or_else(
            || Cow::Owned(format!("unassigned-{number}")),
            |(_, word)| Cow::Borrowed(*word),
        )
    }

    /// The number of a word, whatever its case.
    pub fn number(self, word: &str) -> Option<u16> {
        let named = self
            .all()
            .into_iter()
            .find_map(|(number, name)| name.eq_ignore_ascii_case(word).then_some(number));
        named.or_else(|| {
            let octet = word.strip_prefix("unassigned-")?.parse::<u8>().ok()?;
            self.are_octets().then_some(octet.into())
        })
    }

    /// Every number that a value can be.
    pub(crate) fn numbers(self) -> Vec<u16> {
        let mut numbers: Vec<u16> = self.all().iter().map(|(number, _)| *number).collect();
        if self.are_octets() {
            numbers.extend(0..=255);
            numbers.sort_unstable();
            numbers.dedup();
        }
        numbers
    }
}

const VERDICTS: [Verdict; 4] = [
    Verdict::Verified,
    Verdict::Failed,
    Verdict::Unverified,
    Verdict::Unprotected,
];

const SEVERITIES: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];

pub(super) const fn of_verdict(verdict: Verdict) -> u16 {
    match verdict {
        Verdict::Verified => 0,
        Verdict::Failed => 1,
        Verdict::Unverified => 2,
        Verdict::Unprotected => 3,
    }
}

pub(super) const fn of_severity(severity: Severity) -> u16 {
    match severity {
        Severity::Note => 0,
        Severity::Warning => 1,
        Severity::Error => 2,
    }
}

pub(super) const fn of_side(side: Side) -> u16 {
    match side {
        Side::Initiator => 0,
        Side::Responder => 1,
    }
}

/// `None` for a dialect that is not in the list.
pub(super) fn of_dialect(name: &str) -> Option<u16> {
    let place = DIALECTS.iter().position(|dialect| dialect.name == name)?;
    u16::try_from(place).ok()
}

pub(super) fn of_message(message: Option<&Message<'_>>) -> u16 {
    match message {
        None => KEEPALIVE,
        Some(Message::Randomize(_)) => RANDOMIZE,
        Some(message) => message.kind().code().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_values_get_are_those_of_their_words() {
        for verdict in VERDICTS {
            let number = of_verdict(verdict);
            assert_eq!(Words::Verdicts.word(number), verdict.name());
        }
        for severity in SEVERITIES {
            let number = of_severity(severity);
            assert_eq!(Words::Severities.word(number), severity.name());
        }
        for dialect in DIALECTS {
            let number = of_dialect(dialect.name).expect("listed");
            assert_eq!(Words::Dialects.word(number), dialect.name);
        }
        for (side, word) in [
            (Side::Initiator, "initiator"),
            (Side::Responder, "responder"),
        ] {
            assert_eq!(Words::Sides.word(of_side(side)), word);
        }
        for entry in CATALOGUE {
            assert_eq!(Words::Findings.number(entry.name), Some(entry.id as u16));
        }
        let randomize = Message::Randomize([0; 4]);
        for (message, word) in [
            (Some(&Message::Choke), "CHOKE"),
            (Some(&randomize), "RANDOMIZE"),
            (None, "KEEPALIVE"),
        ] {
            assert_eq!(Words::Messages.word(of_message(message)), word);
        }
    }

    #[test]
    fn octets_without_a_word_are_named_by_their_number() {
        assert_eq!(Words::HashFunctions.word(9), "unassigned-9");
        assert_eq!(Words::HashFunctions.number("unassigned-9"), Some(9));
        assert_eq!(Words::Verdicts.number("unassigned-9"), None);
        assert_eq!(Words::Messages.number("pex_resv4"), Some(5));
    }
}
