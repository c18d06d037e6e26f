//! From what a filter says to a form that is quick to evaluate.

use std::net::IpAddr;

use memchr::memmem;

use super::parse::regex_of;
use super::syntax::{
    Comparison, Expression, Item, Literal, Object, Operand, Part, Quantifier, Relation, Test,
};
use crate::fields::{FieldId, Kind, Level, Words};
use crate::wire::ChunkRange;

/// A part of a filter, ready to be evaluated.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Everything,
    Any(Vec<Node>),
    All(Vec<Node>),
    Not(Box<Node>),
    Message(Box<Node>),
    Values(ValueTest),
    Fields(FieldTest),
}

/// Each value of a field is checked.
#[derive(Clone, Debug)]
pub(super) struct ValueTest {
    pub(super) field: FieldId,
    pub(super) part: Part,
    pub(super) level: Level,
    pub(super) quantifier: Quantifier,
    /// Whether the check must fail.
    pub(super) negated: bool,
    pub(super) check: Check,
}

/// All values of a field are compared with all of another.
#[derive(Clone, Debug)]
pub(super) struct FieldTest {
    pub(super) left: Operand,
    pub(super) right: Operand,
    pub(super) level: Level,
    pub(super) quantifier: Quantifier,
    pub(super) comparison: Comparison,
}

/// What is checked about a value.
#[derive(Clone, Debug)]
pub(super) enum Check {
    Present,
    /// That it lies in one of these ranges, sorted and apart; of addresses, by
    /// [`address_key`]; of chunks, that one of them does.
    Ranges(Vec<(i128, i128)>),
    /// That all these chunks are there.
    Covers(ChunkRange),
    /// That its number is one of these.
    Words(WordSet),
    OneOf(Vec<Vec<u8>>),
    /// How it compares, byte by byte.
    Order(Comparison, Vec<u8>),
    Contains(Box<memmem::Finder<'static>>),
    Matches(regex::bytes::Regex),
    /// The same about its hexadecimal digits.
    DigitsMatch(regex::bytes::Regex),
    /// Never. A pattern that was read once is not refused later; should it be,
    /// nothing matches.
    Never,
}

/// Some of the numbers of words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WordSet(Vec<u64>);

impl WordSet {
    fn of(numbers: impl IntoIterator<Item = u16>) -> Self {
        let mut bits = Vec::new();
        for number in numbers {
            let place = usize::from(number / 64);
            if bits.len() <= place {
                bits.resize(place + 1, 0);
            }
            bits[place] |= 1 << (number % 64);
        }
        Self(bits)
    }

    pub(super) fn has(&self, number: u16) -> bool {
        let bits = self.0.get(usize::from(number / 64));
        bits.is_some_and(|bits| bits >> (number % 64) & 1 == 1)
    }
}

/// An address as a number of the same order. IPv6 addresses have as many bits
/// as the number: the lowest of them is the most negative one.
pub(super) const fn address_key(address: IpAddr) -> i128 {
    match address {
        IpAddr::V4(address) => address.to_bits() as i128,
        IpAddr::V6(address) => (address.to_bits() ^ (1 << 127)) as i128,
    }
}

impl Node {
    /// What must be known to evaluate it.
    pub(super) fn level(&self) -> Level {
        match self {
            Self::Everything => Level::Head,
            Self::Any(parts) | Self::All(parts) => {
                let levels = parts.iter().map(Self::level);
                levels.max().unwrap_or(Level::Head)
            }
            Self::Not(inner) => inner.level(),
            Self::Message(inner) => inner.level().max(Level::Messages),
            Self::Values(test) => test.level,
            Self::Fields(test) => test.level,
        }
    }
}

/// Compiles a filter. Parts that need less come first, so that they can settle
/// the matter before the others are asked.
pub(super) fn compile(expression: &Expression) -> Node {
    let all = |parts: &[Expression]| {
        let mut parts: Vec<Node> = parts.iter().map(compile).collect();
        parts.sort_by_key(Node::level);
        parts
    };
    match expression {
        Expression::Everything => Node::Everything,
        Expression::Or(parts) => Node::Any(all(parts)),
        Expression::And(parts) => Node::All(all(parts)),
        Expression::Not(inner) => Node::Not(Box::new(compile(inner))),
        Expression::Message(inner) => Node::Message(Box::new(compile(inner))),
        Expression::Test(test) => compile_test(test),
    }
}

fn compile_test(test: &Test) -> Node {
    let kind = test.subject.kind();
    let (mut quantifier, mut negated) = (Quantifier::Any, false);
    let check = match &test.relation {
        Relation::Present => Check::Present,
        Relation::Compare(comparison, Object::Operand(right)) => {
            let (left, right) = (test.subject, *right);
            return Node::Fields(FieldTest {
                left,
                right,
                level: left.field.field().level.max(right.field.field().level),
                quantifier: test.quantifier.unwrap_or(comparison.quantifier()),
                comparison: *comparison,
            });
        }
        Relation::Compare(comparison, Object::Literal(literal)) => {
            quantifier = comparison.quantifier();
            negated = matches!(comparison, Comparison::NotEqual | Comparison::AnyNotEqual);
            compare(*comparison, literal, kind)
        }
        Relation::In(items) => among(items),
        Relation::Contains(literal) => contains(literal, kind),
        Relation::Matches(pattern) => matches(pattern, kind),
    };
    Node::Values(ValueTest {
        field: test.subject.field,
        part: test.subject.part,
        level: test.subject.field.field().level,
        quantifier: test.quantifier.unwrap_or(quantifier),
        negated,
        check,
    })
}

/// The numbers that a literal stands for.
fn range_of(literal: &Literal) -> Option<(i128, i128)> {
    Some(match literal {
        Literal::Number(number) => (*number, *number),
        Literal::Word(number) => ((*number).into(), (*number).into()),
        Literal::Chunks(range) => (range.start().into(), range.end().into()),
        Literal::Network {
            address: IpAddr::V4(address),
            prefix,
        } => {
            let mask = u32::MAX.checked_shr((*prefix).into()).unwrap_or(0);
            let bits = address.to_bits();
            ((bits & !mask).into(), (bits | mask).into())
        }
        Literal::Network {
            address: IpAddr::V6(address),
            prefix,
        } => {
            let mask = u128::MAX.checked_shr((*prefix).into()).unwrap_or(0);
            let key = |bits: u128| address_key(IpAddr::V6(bits.into()));
            let bits = address.to_bits();
            (key(bits & !mask), key(bits | mask))
        }
        Literal::Bytes(_) | Literal::Text(_) => return None,
    })
}

fn bytes_of(literal: &Literal) -> Vec<u8> {
    match literal {
        Literal::Bytes(bytes) => bytes.clone(),
        Literal::Text(text) => text.as_bytes().to_vec(),
        _ => Vec::new(),
    }
}

/// Sorted ranges that neither overlap nor touch.
fn merged(mut ranges: Vec<(i128, i128)>) -> Check {
    ranges.sort_unstable();
    let mut all: Vec<(i128, i128)> = Vec::with_capacity(ranges.len());
    for (start, end) in ranges {
        match all.last_mut() {
            Some(last) if start <= last.1.saturating_add(1) => last.1 = last.1.max(end),
            _ => all.push((start, end)),
        }
    }
    Check::Ranges(all)
}

fn words_in(words: Words, (start, end): (i128, i128)) -> Vec<u16> {
    let numbers = words.numbers().into_iter();
    numbers
        .filter(|&number| (start..=end).contains(&number.into()))
        .collect()
}

fn compare(comparison: Comparison, literal: &Literal, kind: Kind) -> Check {
    let Some((start, end)) = range_of(literal) else {
        let bytes = bytes_of(literal);
        return if comparison.is_of_equality() {
            Check::OneOf(vec![bytes])
        } else {
            Check::Order(comparison, bytes)
        };
    };
    let (start, end) = match comparison {
        Comparison::Equal
        | Comparison::NotEqual
        | Comparison::AllEqual
        | Comparison::AnyNotEqual => (start, end),
        // A network is compared by its first address, as in Wireshark.
        Comparison::Less => match start.checked_sub(1) {
            Some(end) => (i128::MIN, end),
            None => return Check::Never,
        },
        Comparison::LessOrEqual => (i128::MIN, start),
        Comparison::Greater => match start.checked_add(1) {
            Some(start) => (start, i128::MAX),
            None => return Check::Never,
        },
        Comparison::GreaterOrEqual => (start, i128::MAX),
    };
    match kind {
        Kind::Word(words) => Check::Words(WordSet::of(words_in(words, (start, end)))),
        _ => Check::Ranges(vec![(start, end)]),
    }
}

fn among(items: &[Item]) -> Check {
    let is_words = items
        .iter()
        .any(|item| matches!(item.first, Literal::Word(_)));
    let mut ranges = Vec::new();
    let mut bytes = Vec::new();
    for item in items {
        match range_of(&item.first) {
            Some((start, end)) => {
                let last = item.last.as_ref().and_then(range_of);
                ranges.push((start, last.map_or(end, |(_, end)| end)));
            }
            None => bytes.push(bytes_of(&item.first)),
        }
    }
    if is_words {
        let numbers = ranges
            .into_iter()
            .flat_map(|(start, end)| (start as u16)..=(end as u16));
        Check::Words(WordSet::of(numbers))
    } else if ranges.is_empty() {
        Check::OneOf(bytes)
    } else {
        merged(ranges)
    }
}

fn contains(literal: &Literal, kind: Kind) -> Check {
    match (literal, kind) {
        (Literal::Chunks(range), _) => Check::Covers(*range),
        (Literal::Text(part), Kind::Word(words)) => {
            let numbers = words.numbers().into_iter();
            let with_part = numbers.filter(|&number| words.word(number).contains(part));
            Check::Words(WordSet::of(with_part))
        }
        (literal, _) => {
            let finder = memmem::Finder::new(&bytes_of(literal)).into_owned();
            Check::Contains(Box::new(finder))
        }
    }
}

fn matches(pattern: &str, kind: Kind) -> Check {
    let Ok(regex) = regex_of(pattern, kind) else {
        return Check::Never;
    };
    match kind {
        Kind::Word(words) => {
            let numbers = words.numbers().into_iter();
            let fitting = numbers.filter(|&number| regex.is_match(words.word(number).as_bytes()));
            Check::Words(WordSet::of(fitting))
        }
        Kind::Digits | Kind::ChannelId => Check::DigitsMatch(regex),
        _ => Check::Matches(regex),
    }
}
