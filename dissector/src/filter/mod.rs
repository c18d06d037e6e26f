//! The display-filter language: Wireshark's syntax over the registry of
//! [fields](crate::fields).
//!
//! [`Filter::parse`] reads a filter; every value is checked against the type of
//! its field, so that a filter that was read can't fail later. What does not fit
//! is a [`FilterError`], which knows its place in the text. Parsing takes
//! microseconds, with a regular expression a tenth of a millisecond: it may run at
//! every key.
//!
//! ```
//! use ppspp_dissector::fields::Level;
//! use ppspp_dissector::filter::Filter;
//!
//! let filter = Filter::parse(r#"ip.src == 10.0.0.0/8 && ppspp.msg.type == "DATA""#)?;
//! assert_eq!(filter.level(), Level::Messages);
//!
//! let error = Filter::parse("udp.port == x").unwrap_err();
//! assert_eq!((error.offset, error.length), (12, 1));
//! println!("{}", error.with_text("udp.port == x"));
//! # Ok::<(), ppspp_dissector::filter::FilterError>(())
//! ```
//!
//! [`Filter::decide`] asks some [`Values`] whether they match:
//!
//! - [`HeadValues`](crate::fields::HeadValues), a datagram that nobody has
//!   decoded. The answer is `None` where the filter depends on more, which
//!   [`Filter::level`] tells beforehand.
//! - [`RecordValues`](crate::fields::RecordValues), a datagram with its record.
//!   The answer is never `None`, and [`Filter::matches`] gives it.
//!
//! So `live -Y` and the UI can spare themselves the decoding of what the head
//! already excludes: `filter.decide(&head) == Some(false)`. (They must still give
//! every datagram to the analyzer, which otherwise misses handshakes and hashes.)
//!
//! [`complete()`] tells what could stand at the cursor.
//!
//! A field with several values, such as `udp.port` or whatever several messages
//! of a datagram have, fits `==` when any value does, and `!=` when none is
//! equal, as in Wireshark 4. `message(…)` asks for one message that fits all
//! that stands in it. docs/FILTER.md has the whole language.

mod compile;
mod complete;
mod error;
mod evaluate;
mod literal;
mod parse;
mod print;
mod syntax;
mod token;

use std::fmt;

use crate::fields::{Level, Values};

pub use complete::{Candidate, CandidateKind, Completion, complete};
pub use error::{Cause, FilterError};
pub use syntax::{
    Comparison, Expression, Item, Literal, Object, Operand, Part, Quantifier, Relation, Test,
};

/// Bytes of a filter's text, at most.
pub const MAX_LENGTH: usize = 64 * 1024;

/// How deep parentheses and negations may be nested.
pub const MAX_DEPTH: usize = 64;

/// A filter that was read and can be asked.
#[derive(Clone, Debug)]
pub struct Filter {
    expression: Expression,
    program: compile::Node,
    level: Level,
}

impl Filter {
    /// Reads a filter. An empty one matches everything.
    ///
    /// # Errors
    /// At the first place that can't be read, or that does not fit the field's
    /// type.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let expression = parse::parse(text)?;
        let program = compile::compile(&expression);
        Ok(Self {
            level: program.level(),
            expression,
            program,
        })
    }

    /// What must be known of a datagram to decide.
    pub const fn level(&self) -> Level {
        self.level
    }

    /// What was read.
    pub const fn expression(&self) -> &Expression {
        &self.expression
    }

    /// Whether these values match; `None` where that depends on fields that they
    /// do not know.
    #[inline]
    pub fn decide(&self, values: &impl Values) -> Option<bool> {
        evaluate::decide(&self.program, values)
    }

    /// Whether these values match. What depends on fields that they do not know
    /// does not.
    #[inline]
    pub fn matches(&self, values: &impl Values) -> bool {
        self.decide(values).unwrap_or(false)
    }
}

/// The filter in its canonical form, which reads as the same filter.
impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.expression.fmt(f)
    }
}

/// Whether a text can be read as a filter, for a check at every key.
///
/// # Errors
/// As [`Filter::parse`].
pub fn check(text: &str) -> Result<(), FilterError> {
    parse::parse(text).map(drop)
}
