//! Filters against a slow and simple reading of the same: every value is
//! written out and compared with every other.

use std::cmp::Ordering;
use std::net::IpAddr;

use ppspp_dissector::fields::{Kind, Level};
use ppspp_dissector::filter::{
    Comparison, Expression, Filter, Item, Literal, Object, Operand, Part, Quantifier, Relation,
    Test,
};
use ppspp_dissector::wire::ChunkRange;
use proptest::prelude::*;

use crate::strategies::{expression, imagined};
use crate::support::{Imagined, Owned};

fn holds(expression: &Expression, values: &Imagined, message: Option<usize>) -> bool {
    match expression {
        Expression::Everything => true,
        Expression::Or(parts) => parts.iter().any(|part| holds(part, values, message)),
        Expression::And(parts) => parts.iter().all(|part| holds(part, values, message)),
        Expression::Not(inner) => !holds(inner, values, message),
        Expression::Message(inner) => {
            (0..values.messages.len()).any(|place| holds(inner, values, Some(place)))
        }
        Expression::Test(test) => test_holds(test, values, message),
    }
}

/// The values of an operand, every chunk of a range as one.
fn values_of(operand: Operand, values: &Imagined, message: Option<usize>) -> Vec<Owned> {
    let all = values.values(operand.field, message);
    if operand.part == Part::Count {
        return vec![Owned::Number(all.len() as i128)];
    }
    let parts = all
        .into_iter()
        .flat_map(|value| match (operand.part, value) {
            (Part::Whole, Owned::Chunks(range)) => (range.start()..=range.end())
                .map(|chunk| Owned::Number(chunk.into()))
                .collect(),
            (Part::Whole, value) => vec![value.clone()],
            (Part::Length, Owned::Bytes(bytes)) => vec![Owned::Number(bytes.len() as i128)],
            (Part::Length, Owned::Text(text)) => vec![Owned::Number(text.len() as i128)],
            (Part::Slice { start, length }, Owned::Bytes(bytes)) => {
                let all = bytes.len() as i64;
                let from = i64::from(start) + if start < 0 { all } else { 0 };
                let to = length.map_or(all, |length| from + i64::from(length));
                if from < 0 || from >= all || to > all {
                    vec![]
                } else {
                    vec![Owned::Bytes(bytes[from as usize..to as usize].to_vec())]
                }
            }
            _ => vec![],
        });
    parts.collect()
}

fn test_holds(test: &Test, values: &Imagined, message: Option<usize>) -> bool {
    let subjects = values_of(test.subject, values, message);
    let kind = test.subject.kind();
    let of = |quantifier: Quantifier, fits: &dyn Fn(&Owned) -> bool| match quantifier {
        Quantifier::Any => subjects.iter().any(fits),
        Quantifier::All => !subjects.is_empty() && subjects.iter().all(fits),
    };
    let any = test.quantifier.unwrap_or(Quantifier::Any);
    match &test.relation {
        Relation::Present => {
            !values.values(test.subject.field, message).is_empty() && !subjects.is_empty()
        }
        Relation::Compare(comparison, object) => {
            let usual = match comparison {
                Comparison::NotEqual | Comparison::AllEqual => Quantifier::All,
                _ => Quantifier::Any,
            };
            let quantifier = test.quantifier.unwrap_or(usual);
            match object {
                Object::Literal(literal) => {
                    of(quantifier, &|value| compares(value, *comparison, literal))
                }
                Object::Operand(other) => {
                    let others = values_of(*other, values, message);
                    let fits = |one: &Owned| {
                        let pairs = others
                            .iter()
                            .map(|other| in_order(*comparison, one.cmp(other), one == other));
                        match quantifier {
                            Quantifier::Any => pairs.into_iter().any(|fits| fits),
                            Quantifier::All => pairs.into_iter().all(|fits| fits),
                        }
                    };
                    !others.is_empty() && of(quantifier, &fits)
                }
            }
        }
        Relation::In(items) => of(any, &|value| items.iter().any(|item| is_in(value, item))),
        Relation::Contains(Literal::Chunks(part)) => {
            let all = values.values(test.subject.field, message);
            let has =
                |value: &&Owned| matches!(value, Owned::Chunks(range) if covers(*range, *part));
            match any {
                Quantifier::Any => all.iter().any(has),
                Quantifier::All => !all.is_empty() && all.iter().all(has),
            }
        }
        Relation::Contains(literal) => of(any, &|value| match (value, literal, kind) {
            (Owned::Word(number), Literal::Text(part), Kind::Word(words)) => {
                words.word(*number).contains(part)
            }
            (Owned::Text(whole), Literal::Text(part), _) => whole.contains(part),
            (Owned::Bytes(bytes), Literal::Bytes(part), _) => {
                part.is_empty() || bytes.windows(part.len()).any(|window| window == part)
            }
            other => panic!("{other:?}"),
        }),
        Relation::Matches(pattern) => {
            let regex = regex::bytes::RegexBuilder::new(pattern)
                .case_insensitive(true)
                .build()
                .expect("a pattern");
            of(any, &|value| match (value, kind) {
                (Owned::Word(number), Kind::Word(words)) => {
                    regex.is_match(words.word(*number).as_bytes())
                }
                (Owned::Text(whole), _) => regex.is_match(whole.as_bytes()),
                (Owned::Bytes(bytes), Kind::Bytes) => regex.is_match(bytes),
                (Owned::Bytes(bytes), _) => {
                    let digits = bytes.iter().fold(String::new(), |digits, byte| {
                        digits + &format!("{byte:02x}")
                    });
                    regex.is_match(digits.as_bytes())
                }
                other => panic!("{other:?}"),
            })
        }
    }
}

fn covers(range: ChunkRange, part: ChunkRange) -> bool {
    range.contains(part.start()) && range.contains(part.end())
}

fn in_order(comparison: Comparison, order: Ordering, is_equal: bool) -> bool {
    match comparison {
        Comparison::Equal | Comparison::AllEqual => is_equal,
        Comparison::NotEqual | Comparison::AnyNotEqual => !is_equal,
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

/// The bits of an address, one by one.
fn bits(address: IpAddr) -> Vec<bool> {
    let octets = match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    let bits = octets
        .into_iter()
        .flat_map(|octet| (0..8).rev().map(move |bit| octet >> bit & 1 == 1));
    bits.collect()
}

fn compares(value: &Owned, comparison: Comparison, literal: &Literal) -> bool {
    let (order, is_equal) = match (value, literal) {
        (Owned::Number(one), Literal::Number(other)) => (one.cmp(other), one == other),
        (Owned::Number(one), Literal::Chunks(range)) => {
            let is_equal = range.contains(u64::try_from(*one).expect("a chunk"));
            (one.cmp(&range.start().into()), is_equal)
        }
        (Owned::Word(one), Literal::Word(other)) => (one.cmp(other), one == other),
        (Owned::Bytes(one), Literal::Bytes(other)) => (one.cmp(other), one == other),
        (Owned::Text(one), Literal::Text(other)) => (one.cmp(other), one == other),
        (Owned::Address(one), Literal::Network { address, prefix }) => {
            let (one, prefix) = (bits(*one), usize::from(*prefix));
            let mut first = bits(*address);
            let is_equal = one[..prefix] == first[..prefix];
            first[prefix..].fill(false);
            (one.cmp(&first), is_equal)
        }
        other => panic!("{other:?}"),
    };
    in_order(comparison, order, is_equal)
}

fn is_in(value: &Owned, item: &Item) -> bool {
    match &item.last {
        None => compares(value, Comparison::Equal, &item.first),
        Some(last) => {
            compares(value, Comparison::GreaterOrEqual, &item.first)
                && compares(value, Comparison::LessOrEqual, last)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_written_is_read_as_the_same(expression in expression()) {
        let text = expression.to_string();
        let read = Filter::parse(&text);
        let read = read.map_err(|error| TestCaseError::fail(error.with_text(&text).to_string()))?;
        prop_assert_eq!(read.expression(), &expression, "{}", text);
    }

    #[test]
    fn filters_decide_as_the_slow_reading_does(expression in expression(), values in imagined()) {
        let text = expression.to_string();
        let filter = Filter::parse(&text).expect("a filter");
        prop_assert_eq!(filter.decide(&values), Some(holds(&expression, &values, None)), "{}", text);
    }

    #[test]
    fn what_less_knowledge_decides_more_does_not_change(
        expression in expression(),
        values in imagined(),
    ) {
        let filter = Filter::parse(&expression.to_string()).expect("a filter");
        let full = filter.decide(&values);
        for level in [Level::Head, Level::Messages] {
            let less = Imagined { level: Some(level), ..values.clone() };
            let decided = filter.decide(&less);
            prop_assert!(decided.is_none() || decided == full, "{}", filter);
            prop_assert!(decided.is_some() || filter.level() > level, "{}", filter);
        }
    }

    #[test]
    fn any_text_is_read_or_refused_at_a_place_within_it(text in "[ -~µ\n]{0,60}") {
        if let Err(error) = Filter::parse(&text) {
            prop_assert!(text.is_char_boundary(error.offset));
            prop_assert!(text.is_char_boundary(error.offset + error.length));
            prop_assert!(!error.with_text(&text).to_string().is_empty());
        }
    }
}
