//! Filters and datagrams at random, from few values, so that they often fit.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ppspp_dissector::fields::{FieldId, Kind};
use ppspp_dissector::filter::{
    Comparison, Expression, Item, Literal, Object, Operand, Part, Quantifier, Relation, Test,
};
use ppspp_dissector::wire::ChunkRange;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{Imagined, Owned};

/// Some of every kind and level.
const OF_DATAGRAM: [FieldId; 13] = [
    FieldId::FrameNumber,
    FieldId::FrameTime,
    FieldId::FrameTimeRelative,
    FieldId::IpAddress,
    FieldId::IpSource,
    FieldId::Ipv6Source,
    FieldId::UdpPort,
    FieldId::Tcp,
    FieldId::Channel,
    FieldId::Swarm,
    FieldId::Undecoded,
    FieldId::Malformed,
    FieldId::SettledIntegrity,
];
const OF_MESSAGES: [FieldId; 9] = [
    FieldId::MessageType,
    FieldId::Chunks,
    FieldId::ChunkStart,
    FieldId::ChunkEnd,
    FieldId::AckDelay,
    FieldId::DataPayload,
    FieldId::Hash,
    FieldId::Integrity,
    FieldId::FindingSeverity,
];

fn any_field() -> impl Strategy<Value = FieldId> {
    select([&OF_DATAGRAM[..], &OF_MESSAGES[..]].concat())
}

/// A few bytes, often the same.
fn few_bytes() -> impl Strategy<Value = Vec<u8>> {
    vec(select(vec![0u8, 1, 0x61, 0xff]), 0..5)
}

fn few_text() -> impl Strategy<Value = String> {
    let characters = vec!['a', 'b', 'A', '"', '\\', '\n', 'ä', ' ', 'n'];
    vec(select(characters), 0..4).prop_map(|characters| characters.into_iter().collect())
}

fn few_chunks() -> impl Strategy<Value = ChunkRange> {
    (0u64..8, 0u64..4)
        .prop_map(|(start, more)| ChunkRange::new(start, start + more).expect("in order"))
}

fn few_addresses(kind: Kind) -> BoxedStrategy<IpAddr> {
    let low = select(vec![0u8, 1, 2, 128, 255]);
    if kind == Kind::Ipv4 {
        (low.clone(), low)
            .prop_map(|(high, low)| Ipv4Addr::new(high, 0, 0, low).into())
            .boxed()
    } else {
        (low.clone(), low)
            .prop_map(|(high, low)| {
                Ipv6Addr::new(u16::from(high) << 8, 0, 0, 0, 0, 0, 0, low.into()).into()
            })
            .boxed()
    }
}

fn few_words(kind: Kind) -> BoxedStrategy<u16> {
    let Kind::Word(words) = kind else {
        return Just(0).boxed();
    };
    let mut numbers: Vec<u16> = words.all().iter().map(|(number, _)| *number).collect();
    if words.are_octets() {
        numbers.push(77);
    }
    select(numbers).boxed()
}

fn value(kind: Kind) -> BoxedStrategy<Owned> {
    match kind {
        Kind::Presence => Just(Owned::Present).boxed(),
        Kind::Unsigned => (0i128..6).prop_map(Owned::Number).boxed(),
        Kind::Microseconds | Kind::Time | Kind::Duration => {
            (-3i128..4).prop_map(Owned::Number).boxed()
        }
        Kind::Ipv4 | Kind::Ipv6 => few_addresses(kind).prop_map(Owned::Address).boxed(),
        Kind::ChannelId => vec(select(vec![0u8, 1, 0xff]), 4)
            .prop_map(Owned::Bytes)
            .boxed(),
        Kind::Digits | Kind::Bytes => few_bytes().prop_map(Owned::Bytes).boxed(),
        Kind::Text => few_text().prop_map(Owned::Text).boxed(),
        Kind::Word(_) => few_words(kind).prop_map(Owned::Word).boxed(),
        Kind::Chunks => few_chunks().prop_map(Owned::Chunks).boxed(),
    }
}

fn values_of(field: FieldId) -> BoxedStrategy<(FieldId, Vec<Owned>)> {
    vec(value(field.field().kind), 0..3)
        .prop_map(move |values| (field, values))
        .boxed()
}

/// A datagram with up to three messages.
pub(crate) fn imagined() -> impl Strategy<Value = Imagined> {
    let table = |fields: &[FieldId]| {
        let rows: Vec<_> = fields.iter().map(|field| values_of(*field)).collect();
        rows.prop_map(|rows| rows.into_iter().collect())
    };
    (table(&OF_DATAGRAM), vec(table(&OF_MESSAGES), 0..4)).prop_map(|(datagram, messages)| {
        Imagined {
            datagram,
            messages,
            level: None,
        }
    })
}

/// A value as it may stand in a filter.
fn literal(kind: Kind) -> BoxedStrategy<Literal> {
    match kind {
        Kind::Ipv4 | Kind::Ipv6 => {
            let prefixes = if kind == Kind::Ipv4 {
                vec![0, 1, 8, 31, 32]
            } else {
                vec![0, 1, 8, 127, 128]
            };
            (few_addresses(kind), select(prefixes))
                .prop_map(|(address, prefix)| Literal::Network { address, prefix })
                .boxed()
        }
        kind => value(kind)
            .prop_map(|value| match value {
                Owned::Number(number) => Literal::Number(number),
                Owned::Bytes(bytes) => Literal::Bytes(bytes),
                Owned::Text(text) => Literal::Text(text),
                Owned::Word(number) => Literal::Word(number),
                Owned::Chunks(range) => Literal::Chunks(range),
                Owned::Present | Owned::Address(_) => unreachable!("no literal"),
            })
            .boxed(),
    }
}

fn has_bytes(kind: Kind) -> bool {
    matches!(kind, Kind::Digits | Kind::ChannelId | Kind::Bytes)
}

fn is_ordered(kind: Kind) -> bool {
    match kind {
        Kind::Word(words) => words.are_ordered(),
        kind => kind != Kind::Presence,
    }
}

fn operand() -> impl Strategy<Value = Operand> {
    let slice =
        (-3i32..4, option::of(1u32..4)).prop_map(|(start, length)| Part::Slice { start, length });
    let part = prop_oneof![
        6 => Just(Part::Whole),
        1 => Just(Part::Length),
        1 => Just(Part::Count),
        2 => slice,
    ];
    (any_field(), part).prop_map(|(field, part)| {
        let kind = field.field().kind;
        let fits = match part {
            Part::Slice { .. } => has_bytes(kind),
            Part::Length => has_bytes(kind) || kind == Kind::Text,
            Part::Whole | Part::Count => true,
        };
        let part = if fits { part } else { Part::Whole };
        Operand { field, part }
    })
}

/// A field of the same kind.
fn like(kind: Kind) -> BoxedStrategy<Operand> {
    let all = [&OF_DATAGRAM[..], &OF_MESSAGES[..]].concat();
    let alike: Vec<Operand> = all
        .into_iter()
        .filter(|field| {
            let other = field.field().kind;
            kind == other || has_bytes(kind) && has_bytes(other)
        })
        .map(|field| Operand {
            field,
            part: Part::Whole,
        })
        .collect();
    select(alike).boxed()
}

fn comparison(kind: Kind) -> BoxedStrategy<Relation> {
    let comparisons: Vec<Comparison> = Comparison::ALL
        .into_iter()
        .filter(|comparison| comparison.is_of_equality() || is_ordered(kind))
        .collect();
    let with_literal =
        (select(comparisons.clone()), literal(kind)).prop_map(|(comparison, literal)| {
            let literal = match literal {
                Literal::Chunks(range) if !comparison.is_of_equality() => {
                    Literal::Chunks(ChunkRange::single(range.start()))
                }
                literal => literal,
            };
            Relation::Compare(comparison, Object::Literal(literal))
        });
    if kind == Kind::Chunks {
        return with_literal.boxed();
    }
    let with_field = (select(comparisons), like(kind))
        .prop_map(|(comparison, operand)| Relation::Compare(comparison, Object::Operand(operand)));
    prop_oneof![3 => with_literal, 1 => with_field].boxed()
}

fn item(kind: Kind) -> BoxedStrategy<Item> {
    let single = literal(kind).prop_map(|first| Item { first, last: None });
    let has_ranges =
        is_ordered(kind) && !has_bytes(kind) && !matches!(kind, Kind::Text | Kind::Chunks);
    if !has_ranges {
        return single.boxed();
    }
    let whole = |literal| match literal {
        Literal::Network { address, .. } => Literal::Network {
            prefix: if address.is_ipv4() { 32 } else { 128 },
            address,
        },
        literal => literal,
    };
    let key = |literal: &Literal| match literal {
        Literal::Number(number) => (*number, None),
        Literal::Word(number) => ((*number).into(), None),
        Literal::Network { address, .. } => (0, Some(*address)),
        _ => (0, None),
    };
    let range = (literal(kind), literal(kind)).prop_map(move |(one, other)| {
        let (one, other) = (whole(one), whole(other));
        let (first, last) = if key(&one) <= key(&other) {
            (one, other)
        } else {
            (other, one)
        };
        Item {
            first,
            last: Some(last),
        }
    });
    prop_oneof![single, range].boxed()
}

fn relation(operand: Operand) -> BoxedStrategy<Relation> {
    let kind = operand.kind();
    let present = Just(Relation::Present);
    if kind == Kind::Presence {
        return present.boxed();
    }
    let set = vec(item(kind), 1..4).prop_map(Relation::In);
    let mut all = vec![comparison(kind), comparison(kind), set.boxed()];
    if !matches!(operand.part, Part::Length | Part::Count) {
        all.push(present.boxed());
    }
    let contained = match kind {
        Kind::Word(_) => Some(Kind::Text),
        Kind::ChannelId => Some(Kind::Digits),
        Kind::Digits | Kind::Bytes | Kind::Text | Kind::Chunks => Some(kind),
        _ => None,
    };
    if let Some(part) = contained {
        all.push(literal(part).prop_map(Relation::Contains).boxed());
    }
    if has_bytes(kind) || matches!(kind, Kind::Text | Kind::Word(_)) {
        let patterns = vec!["a", "^a", "E[A-D]", "^01", "\\d$", "(?-i)a", ""];
        let matches = select(patterns).prop_map(|pattern| Relation::Matches(pattern.to_owned()));
        all.push(matches.boxed());
    }
    proptest::strategy::Union::new(all).boxed()
}

fn test() -> impl Strategy<Value = Expression> {
    let quantifier = option::of(select(vec![Quantifier::Any, Quantifier::All]));
    operand()
        .prop_flat_map(move |operand| (Just(operand), relation(operand), quantifier.clone()))
        .prop_map(|(subject, relation, quantifier)| {
            let quantifier = quantifier.filter(|_| relation != Relation::Present);
            Expression::Test(Test {
                quantifier,
                subject,
                relation,
            })
        })
}

/// Parts of several, with what binds in the same way taken apart, as the parser
/// gives them.
fn joined(parts: Vec<Expression>, is_or: bool) -> Expression {
    let flat = parts.into_iter().flat_map(|part| match part {
        Expression::Or(parts) if is_or => parts,
        Expression::And(parts) if !is_or => parts,
        part => vec![part],
    });
    if is_or {
        Expression::Or(flat.collect())
    } else {
        Expression::And(flat.collect())
    }
}

fn logic(leaf: BoxedStrategy<Expression>) -> BoxedStrategy<Expression> {
    leaf.prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 2..4).prop_map(|parts| joined(parts, true)),
            vec(inner.clone(), 2..4).prop_map(|parts| joined(parts, false)),
            inner.prop_map(|inner| Expression::Not(Box::new(inner))),
        ]
    })
    .boxed()
}

/// Any filter.
pub(crate) fn expression() -> impl Strategy<Value = Expression> {
    let message = logic(test().boxed()).prop_map(|inner| Expression::Message(Box::new(inner)));
    logic(prop_oneof![4 => test(), 1 => message].boxed())
}
