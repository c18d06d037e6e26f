//! What a filter says, as values. [`print`](super::print) writes them,
//! [`parse`](super::parse) reads them.

use std::net::IpAddr;

use crate::fields::{FieldId, Kind};
use crate::wire::ChunkRange;

/// A filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expression {
    /// The empty filter.
    Everything,
    /// One of these.
    Or(Vec<Expression>),
    /// All of these.
    And(Vec<Expression>),
    /// Not this.
    Not(Box<Expression>),
    /// One message for which all this holds.
    Message(Box<Expression>),
    /// A field and what is asked of it.
    Test(Test),
}

/// A field and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Test {
    /// Whether any or all of its values must fit; `None` leaves it to the
    /// comparison.
    pub quantifier: Option<Quantifier>,
    /// What is asked about.
    pub subject: Operand,
    /// What is asked.
    pub relation: Relation,
}

/// How many of a field's values must fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Quantifier {
    /// At least one.
    Any,
    /// All, and there must be one.
    All,
}

/// A field or a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand {
    /// The field.
    pub field: FieldId,
    /// Which part.
    pub part: Part,
}

impl Operand {
    /// What its values are.
    pub fn kind(self) -> Kind {
        match self.part {
            Part::Whole => self.field.field().kind,
            Part::Slice { .. } => match self.field.field().kind {
                Kind::Bytes => Kind::Bytes,
                _ => Kind::Digits,
            },
            Part::Length | Part::Count => Kind::Unsigned,
        }
    }
}

/// A part of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Its values.
    Whole,
    /// Some bytes of each value.
    Slice {
        /// The first one; negative numbers count from the end.
        start: i32,
        /// How many; `None` reaches to the end.
        length: Option<u32>,
    },
    /// The length of each value, `len(…)`.
    Length,
    /// How many values there are, `count(…)`.
    Count,
}

/// What is asked of an operand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Relation {
    /// That there is a value.
    Present,
    /// How it compares.
    Compare(Comparison, Object),
    /// That it is one of these.
    In(Vec<Item>),
    /// That this is in it: bytes, text, chunks.
    Contains(Literal),
    /// That a regular expression fits, in any case.
    Matches(String),
}

/// How two values compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `==`: any value is equal.
    Equal,
    /// `!=`: all values are unequal.
    NotEqual,
    /// `===`: all values are equal.
    AllEqual,
    /// `!==` and `~=`: any value is unequal.
    AnyNotEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
}

impl Comparison {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Equal,
        Self::NotEqual,
        Self::AllEqual,
        Self::AnyNotEqual,
        Self::Less,
        Self::LessOrEqual,
        Self::Greater,
        Self::GreaterOrEqual,
    ];

    /// The sign for it.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::AllEqual => "===",
            Self::AnyNotEqual => "!==",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
        }
    }

    /// Whether it asks for equality only, not for an order.
    pub const fn is_of_equality(self) -> bool {
        matches!(
            self,
            Self::Equal | Self::NotEqual | Self::AllEqual | Self::AnyNotEqual
        )
    }

    /// How many values must fit where no quantifier says so.
    pub(super) const fn quantifier(self) -> Quantifier {
        match self {
            Self::NotEqual | Self::AllEqual => Quantifier::All,
            _ => Quantifier::Any,
        }
    }
}

/// What a value is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// A value that stands in the filter.
    Literal(Literal),
    /// Another field.
    Operand(Operand),
}

/// An item of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The value, or the first one.
    pub first: Literal,
    /// The last one, of a range.
    pub last: Option<Literal>,
}

/// A value that stands in a filter, already of the field's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Literal {
    /// A number, of times and durations nanoseconds.
    Number(i128),
    /// Addresses that share their first `prefix` bits.
    Network {
        /// One of them.
        address: IpAddr,
        /// How many bits.
        prefix: u8,
    },
    /// Bytes.
    Bytes(Vec<u8>),
    /// Text.
    Text(String),
    /// A word, by its number.
    Word(u16),
    /// Chunks.
    Chunks(ChunkRange),
}
