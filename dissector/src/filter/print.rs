//! Filters in their canonical form.

use std::fmt::{self, Display, Formatter};

use super::syntax::{Expression, Item, Literal, Object, Operand, Part, Quantifier, Relation, Test};
use crate::fields::Kind;

/// How strongly what stands around an expression binds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Binding {
    Or,
    And,
    Not,
}

impl Display for Expression {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write(self, Binding::Or, f)
    }
}

fn write(expression: &Expression, around: Binding, f: &mut Formatter<'_>) -> fmt::Result {
    let (parts, sign, own) = match expression {
        Expression::Everything => return Ok(()),
        Expression::Not(inner) => {
            f.write_str("!")?;
            return match **inner {
                Expression::Test(_) => write!(f, "({inner})"),
                _ => write(inner, Binding::Not, f),
            };
        }
        Expression::Message(inner) => return write!(f, "message({inner})"),
        Expression::Test(test) => return test.fmt(f),
        Expression::Or(parts) => (parts, " || ", Binding::Or),
        Expression::And(parts) => (parts, " && ", Binding::And),
    };
    let in_parentheses = around > own;
    if in_parentheses {
        f.write_str("(")?;
    }
    for (place, part) in parts.iter().enumerate() {
        if place > 0 {
            f.write_str(sign)?;
        }
        write(part, tighter(own), f)?;
    }
    if in_parentheses {
        f.write_str(")")?;
    }
    Ok(())
}

/// What stands within an expression must bind more strongly than it.
const fn tighter(binding: Binding) -> Binding {
    match binding {
        Binding::Or => Binding::And,
        Binding::And | Binding::Not => Binding::Not,
    }
}

impl Display for Test {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let kind = self.subject.kind();
        match self.quantifier {
            Some(Quantifier::Any) => f.write_str("any ")?,
            Some(Quantifier::All) => f.write_str("all ")?,
            None => {}
        }
        write!(f, "{}", self.subject)?;
        match &self.relation {
            Relation::Present => Ok(()),
            Relation::Compare(comparison, Object::Literal(literal)) => {
                write!(f, " {} {}", comparison.sign(), Typed(literal, kind))
            }
            Relation::Compare(comparison, Object::Operand(operand)) => {
                write!(f, " {} {operand}", comparison.sign())
            }
            Relation::In(items) => {
                f.write_str(" in {")?;
                for (place, item) in items.iter().enumerate() {
                    if place > 0 {
                        f.write_str(", ")?;
                    }
                    write_item(item, kind, f)?;
                }
                f.write_str("}")
            }
            Relation::Contains(literal) => write!(f, " contains {}", Typed(literal, kind)),
            Relation::Matches(pattern) => write!(f, " matches {}", Quoted(pattern)),
        }
    }
}

fn write_item(item: &Item, kind: Kind, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "{}", Typed(&item.first, kind))?;
    match &item.last {
        Some(last) => write!(f, "..{}", Typed(last, kind)),
        None => Ok(()),
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let name = self.field.field().name;
        match self.part {
            Part::Whole => f.write_str(name),
            Part::Slice { start, length } => {
                write!(f, "{name}[{start}:")?;
                if let Some(length) = length {
                    write!(f, "{length}")?;
                }
                f.write_str("]")
            }
            Part::Length => write!(f, "len({name})"),
            Part::Count => write!(f, "count({name})"),
        }
    }
}

/// A value as its kind is written.
struct Typed<'a>(&'a Literal, Kind);

impl Display for Typed<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Literal::Number(number) => match self.1 {
                Kind::Time => write_time(*number, f),
                Kind::Duration => write_seconds(*number, f),
                _ => write!(f, "{number}"),
            },
            Literal::Network { address, prefix } => {
                let whole = if address.is_ipv4() { 32 } else { 128 };
                write!(f, "{address}")?;
                if *prefix == whole {
                    Ok(())
                } else {
                    write!(f, "/{prefix}")
                }
            }
            Literal::Bytes(bytes) if self.1 == Kind::ChannelId && bytes.len() == 4 => {
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Literal::Bytes(bytes) if bytes.is_empty() => f.write_str("\"\""),
            Literal::Bytes(bytes) => {
                for (place, byte) in bytes.iter().enumerate() {
                    let colon = if place > 0 { ":" } else { "" };
                    write!(f, "{colon}{byte:02x}")?;
                }
                Ok(())
            }
            Literal::Text(text) => Quoted(text).fmt(f),
            Literal::Word(number) => match self.1 {
                Kind::Word(words) => write!(f, "\"{}\"", words.word(*number)),
                _ => write!(f, "{number}"),
            },
            Literal::Chunks(range) if range.is_single() => write!(f, "{}", range.start()),
            Literal::Chunks(range) => write!(f, "{}..{}", range.start(), range.end()),
        }
    }
}

fn write_time(nanoseconds: i128, f: &mut Formatter<'_>) -> fmt::Result {
    match jiff::Timestamp::from_nanosecond(nanoseconds) {
        Ok(time) => write!(f, "\"{time}\""),
        Err(_) => write_seconds(nanoseconds, f),
    }
}

fn write_seconds(nanoseconds: i128, f: &mut Formatter<'_>) -> fmt::Result {
    const SECOND: u128 = 1_000_000_000;
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let parts = nanoseconds.unsigned_abs();
    write!(f, "{sign}{}", parts / SECOND)?;
    if !parts.is_multiple_of(SECOND) {
        let part = format!("{:09}", parts % SECOND);
        write!(f, ".{}", part.trim_end_matches('0'))?;
    }
    Ok(())
}

/// Text in quotation marks.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for character in self.0.chars() {
            match character {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                other => write!(f, "{other}")?,
            }
        }
        f.write_str("\"")
    }
}
