//! Evaluating a compiled filter, with what is known: `None` is "that depends".

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use super::compile::{Check, FieldTest, Node, ValueTest, address_key};
use super::syntax::{Comparison, Operand, Part, Quantifier};
use crate::fields::{FieldId, Level, Value, Values};
use crate::wire::ChunkRange;

const NEXT: ControlFlow<()> = ControlFlow::Continue(());

/// Whether `values` match.
pub(super) fn decide(node: &Node, values: &impl Values) -> Option<bool> {
    decide_of(node, values, None)
}

/// The same for one message, where it is given.
fn decide_of(node: &Node, values: &impl Values, message: Option<usize>) -> Option<bool> {
    match node {
        Node::Everything => Some(true),
        Node::Any(parts) => first_of(parts, true, values, message),
        Node::All(parts) => first_of(parts, false, values, message),
        Node::Not(inner) => decide_of(inner, values, message).map(|holds| !holds),
        Node::Message(inner) => {
            if values.level() < Level::Messages {
                // What no message can have, none has; all else is open.
                return decide_of(inner, values, None).filter(|holds| !holds);
            }
            let mut is_known = true;
            for place in 0..values.messages() {
                match decide_of(inner, values, Some(place)) {
                    Some(true) => return Some(true),
                    Some(false) => {}
                    None => is_known = false,
                }
            }
            is_known.then_some(false)
        }
        Node::Values(test) if test.level > values.level() => None,
        Node::Fields(test) if test.level > values.level() => None,
        Node::Values(test) => Some(values_fit(test, values, message)),
        Node::Fields(test) => Some(fields_fit(test, values, message)),
    }
}

/// `settling` if any part is; else the contrary, if all are.
fn first_of(
    parts: &[Node],
    settling: bool,
    values: &impl Values,
    message: Option<usize>,
) -> Option<bool> {
    let mut is_known = true;
    for part in parts {
        match decide_of(part, values, message) {
            Some(holds) if holds == settling => return Some(settling),
            Some(_) => {}
            None => is_known = false,
        }
    }
    is_known.then_some(!settling)
}

/// Whether a field's values fit. Where there are none, nothing does.
fn values_fit(test: &ValueTest, values: &impl Values, message: Option<usize>) -> bool {
    let is_any = test.quantifier == Quantifier::Any;
    let mut has_values = false;
    let mut is_settled = false;
    visit_part(test.field, test.part, values, message, &mut |value| {
        has_values = true;
        // One that fits settles "any", one that does not settles "all".
        is_settled = fits(test, value) == is_any;
        if is_settled {
            ControlFlow::Break(())
        } else {
            NEXT
        }
    });
    if is_any {
        is_settled
    } else {
        has_values && !is_settled
    }
}

/// Brings every value of a part of a field before `visit`.
fn visit_part(
    field: FieldId,
    part: Part,
    values: &impl Values,
    message: Option<usize>,
    visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
) {
    let _ = match part {
        Part::Whole => values.visit(field, message, visit),
        Part::Slice { start, length } => values.visit(field, message, &mut |value| {
            match value {
                Value::Bytes(bytes) => slice(bytes, start, length),
                _ => None,
            }
            .map_or(NEXT, |part| visit(Value::Bytes(part)))
        }),
        Part::Length => values.visit(field, message, &mut |value| match value {
            Value::Bytes(bytes) => visit(Value::Number(bytes.len() as i128)),
            Value::Text(text) => visit(Value::Number(text.len() as i128)),
            _ => NEXT,
        }),
        Part::Count => {
            let mut count = 0;
            let _ = values.visit(field, message, &mut |_| {
                count += 1;
                NEXT
            });
            visit(Value::Number(count))
        }
    };
}

/// Some of the bytes; `None` where they are not all there.
fn slice(bytes: &[u8], start: i32, length: Option<u32>) -> Option<&[u8]> {
    let distance = usize::try_from(start.unsigned_abs()).ok()?;
    let start = if start < 0 {
        bytes.len().checked_sub(distance)?
    } else {
        distance
    };
    let rest = bytes.get(start..).filter(|rest| !rest.is_empty())?;
    match length {
        Some(length) => rest.get(..usize::try_from(length).ok()?),
        None => Some(rest),
    }
}

/// Whether one value fits. A range of chunks is as many values as it has chunks.
fn fits(test: &ValueTest, value: Value<'_>) -> bool {
    match (value, &test.check) {
        (Value::Chunks(chunks), Check::Ranges(ranges)) => match (test.quantifier, test.negated) {
            (Quantifier::Any, false) => overlaps(ranges, chunks),
            (Quantifier::Any, true) => !lies_in(ranges, chunks),
            (Quantifier::All, false) => lies_in(ranges, chunks),
            (Quantifier::All, true) => !overlaps(ranges, chunks),
        },
        (value, check) => holds(check, value) != test.negated,
    }
}

fn holds(check: &Check, value: Value<'_>) -> bool {
    match (check, value) {
        (Check::Present, _) => true,
        (Check::Ranges(ranges), Value::Number(number)) => is_in(ranges, number),
        (Check::Ranges(ranges), Value::Address(address)) => is_in(ranges, address_key(address)),
        (Check::Covers(wanted), Value::Chunks(chunks)) => {
            chunks.start() <= wanted.start() && wanted.end() <= chunks.end()
        }
        (Check::Words(words), Value::Word(number)) => words.has(number),
        (check, Value::Text(text)) => holds_of_bytes(check, text.as_bytes()),
        (check, Value::Bytes(bytes)) => holds_of_bytes(check, bytes),
        _ => false,
    }
}

fn holds_of_bytes(check: &Check, bytes: &[u8]) -> bool {
    match check {
        Check::OneOf(all) => all.iter().any(|one| one == bytes),
        Check::Order(comparison, other) => is_ordered(*comparison, &bytes, &other.as_slice()),
        Check::Contains(finder) => finder.find(bytes).is_some(),
        Check::Matches(regex) => regex.is_match(bytes),
        Check::DigitsMatch(regex) => {
            let digits = bytes.iter().fold(String::new(), |mut digits, byte| {
                for half in [byte >> 4, byte & 15] {
                    digits.extend(char::from_digit(half.into(), 16));
                }
                digits
            });
            regex.is_match(digits.as_bytes())
        }
        _ => false,
    }
}

/// The range that starts last at or before `number`.
fn range_before(ranges: &[(i128, i128)], number: i128) -> Option<(i128, i128)> {
    if let [only] = ranges {
        return (only.0 <= number).then_some(*only);
    }
    let behind = ranges.partition_point(|(start, _)| *start <= number);
    ranges.get(behind.checked_sub(1)?).copied()
}

fn is_in(ranges: &[(i128, i128)], number: i128) -> bool {
    range_before(ranges, number).is_some_and(|(_, end)| number <= end)
}

fn overlaps(ranges: &[(i128, i128)], chunks: ChunkRange) -> bool {
    range_before(ranges, chunks.end().into())
        .is_some_and(|(_, end)| i128::from(chunks.start()) <= end)
}

fn lies_in(ranges: &[(i128, i128)], chunks: ChunkRange) -> bool {
    range_before(ranges, chunks.start().into())
        .is_some_and(|(_, end)| i128::from(chunks.end()) <= end)
}

fn is_ordered<T: Ord + ?Sized>(comparison: Comparison, left: &T, right: &T) -> bool {
    match comparison {
        Comparison::Equal | Comparison::AllEqual => left == right,
        Comparison::NotEqual | Comparison::AnyNotEqual => left != right,
        Comparison::Less => left < right,
        Comparison::LessOrEqual => left <= right,
        Comparison::Greater => left > right,
        Comparison::GreaterOrEqual => left >= right,
    }
}

/// A value that can be put in order with others of its kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Number(i128),
    Bytes(Vec<u8>),
}

fn keys(operand: Operand, values: &impl Values, message: Option<usize>) -> BTreeSet<Key> {
    let mut keys = BTreeSet::new();
    visit_part(operand.field, operand.part, values, message, &mut |value| {
        keys.extend(match value {
            Value::Number(number) => Some(Key::Number(number)),
            Value::Address(address) => Some(Key::Number(address_key(address))),
            Value::Word(number) => Some(Key::Number(number.into())),
            Value::Bytes(bytes) => Some(Key::Bytes(bytes.to_vec())),
            Value::Text(text) => Some(Key::Bytes(text.as_bytes().to_vec())),
            Value::Present | Value::Chunks(_) => None,
        });
        NEXT
    });
    keys
}

/// Whether any pair of values, or all, compare so. Settled by the smallest and
/// the largest ones and by what both have, so that many values of a datagram do
/// not cost their square.
fn fields_fit(test: &FieldTest, values: &impl Values, message: Option<usize>) -> bool {
    let left = keys(test.left, values, message);
    let right = keys(test.right, values, message);
    let (Some(low), Some(high)) = (left.first(), left.last()) else {
        return false;
    };
    let (Some(other_low), Some(other_high)) = (right.first(), right.last()) else {
        return false;
    };
    let share_one = || !left.is_disjoint(&right);
    let are_one = low == high && other_low == other_high && low == other_low;
    let is_any = test.quantifier == Quantifier::Any;
    match test.comparison {
        Comparison::Equal | Comparison::AllEqual if is_any => share_one(),
        Comparison::Equal | Comparison::AllEqual => are_one,
        Comparison::NotEqual | Comparison::AnyNotEqual if is_any => !are_one,
        Comparison::NotEqual | Comparison::AnyNotEqual => !share_one(),
        Comparison::Less | Comparison::LessOrEqual => {
            let (left, right) = if is_any {
                (low, other_high)
            } else {
                (high, other_low)
            };
            is_ordered(test.comparison, left, right)
        }
        Comparison::Greater | Comparison::GreaterOrEqual => {
            let (left, right) = if is_any {
                (high, other_low)
            } else {
                (low, other_high)
            };
            is_ordered(test.comparison, left, right)
        }
    }
}
