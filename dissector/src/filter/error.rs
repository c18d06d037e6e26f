//! What is wrong with a filter, and where.

use std::fmt;

use super::syntax::Comparison;
use crate::fields::{Kind, Words};

/// What is wrong with a filter, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// Where in the text, in bytes.
    pub offset: usize,
    /// How many bytes of it; zero at the end of the text.
    pub length: usize,
    /// What.
    pub cause: Cause,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No token starts with this.
    NoToken(char),
    /// One sign where another is meant.
    Instead {
        /// What stands there.
        found: &'static str,
        /// What is meant.
        right: &'static str,
    },
    /// A quotation mark is missing.
    TextNotClosed,
    /// Something else must stand here.
    Expected {
        /// What.
        what: &'static str,
        /// What stands there; empty at the end of the text.
        found: String,
    },
    /// No field has this name.
    UnknownField {
        /// The name.
        name: String,
        /// A field's name that is like it.
        nearest: Option<&'static str>,
    },
    /// A value that is none of its field's.
    WrongValue {
        /// The field's kind.
        kind: Kind,
        /// What stands there.
        found: String,
    },
    /// A value that is too large or too small for its field.
    OutOfRange {
        /// What stands there.
        found: String,
        /// What may stand there.
        allowed: &'static str,
    },
    /// A word that the field never has.
    UnknownWord {
        /// Which words it has.
        words: Words,
        /// The word.
        found: String,
        /// A word that is like it.
        nearest: Option<&'static str>,
    },
    /// Values of this kind can't be compared in this way.
    WrongComparison {
        /// The field's kind.
        kind: Kind,
        /// How.
        comparison: Comparison,
    },
    /// Values of this kind know no `contains`, `matches`, `in`, slice or `len`.
    WrongRelation {
        /// The field's kind.
        kind: Kind,
        /// Which of them.
        relation: &'static str,
    },
    /// Two fields of different kinds are compared.
    Different {
        /// The one's kind.
        left: Kind,
        /// The other's.
        right: Kind,
    },
    /// A range's end lies before its start.
    Reversed,
    /// A regular expression can't be read.
    Pattern(String),
    /// `message(…)` within `message(…)`.
    Nested,
    /// More parentheses than [`MAX_DEPTH`](super::MAX_DEPTH).
    TooDeep,
    /// More bytes than [`MAX_LENGTH`](super::MAX_LENGTH).
    TooLong,
}

impl FilterError {
    /// Whether a longer sign begins with what stands there.
    pub(super) const fn is_half_a_sign(&self) -> bool {
        matches!(self.cause, Cause::Instead { right, .. } if right.len() == 2)
    }

    /// The error with the text that it is about, and a mark under the place.
    pub fn with_text<'a>(&'a self, text: &'a str) -> impl fmt::Display + 'a {
        InText { error: self, text }
    }
}

impl std::error::Error for FilterError {}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoToken(character) => write!(f, "{character:?} has no meaning here"),
            Self::Instead { found, right } => write!(f, "{found} has no meaning; {right} is meant"),
            Self::TextNotClosed => f.write_str("the quotation mark at its end is missing"),
            Self::Expected { what, found } if found.is_empty() => {
                write!(f, "the filter ends where {what} must follow")
            }
            Self::Expected { what, found } => {
                write!(f, "{} stands where {what} must", Shortened(found))
            }
            Self::UnknownField { name, nearest } => {
                write!(f, "there is no field {}", Shortened(name))?;
                match nearest {
                    Some(nearest) => write!(f, "; {nearest} is meant?"),
                    None => f.write_str("; `ppsp-inspect fields` lists them"),
                }
            }
            Self::WrongValue { kind, found } => {
                write!(f, "{} is no {}", Shortened(found), noun(*kind))?;
                write!(f, "; {}", example(*kind))
            }
            Self::OutOfRange { found, allowed } => {
                write!(f, "{} is out of range: {allowed}", Shortened(found))
            }
            Self::UnknownWord {
                words,
                found,
                nearest,
            } => {
                write!(f, "{} is none of the {}", Shortened(found), words.name())?;
                let all = words.all();
                if let Some(nearest) = nearest {
                    write!(f, "; \"{nearest}\" is meant?")
                } else if all.len() <= 16 {
                    let names: Vec<&str> = all.iter().map(|(_, name)| *name).collect();
                    write!(f, ": {}", names.join(", "))
                } else {
                    f.write_str("; `ppsp-inspect findings` lists them")
                }
            }
            Self::WrongComparison { kind, comparison } => {
                let sign = comparison.sign();
                match kind {
                    Kind::Presence => write!(
                        f,
                        "this field is there or not and has no value to compare with {sign}"
                    ),
                    Kind::Word(words) => {
                        write!(f, "{} have no order to compare by {sign}", words.name())
                    }
                    _ => write!(
                        f,
                        "values of this kind ({kind}) can't be compared by {sign}"
                    ),
                }
            }
            Self::WrongRelation { kind, relation } => {
                write!(f, "{relation} is not for values of this kind ({kind})")
            }
            Self::Different { left, right } => {
                write!(
                    f,
                    "values of different kinds are never equal: {left} and {right}"
                )
            }
            Self::Reversed => f.write_str("the range ends before it starts"),
            Self::Pattern(what) => write!(f, "the regular expression can't be read: {what}"),
            Self::Nested => f.write_str("message(…) can't stand in another message(…)"),
            Self::TooDeep => write!(
                f,
                "more than {} parentheses and negations within each other",
                super::MAX_DEPTH
            ),
            Self::TooLong => write!(f, "a filter has at most {} bytes", super::MAX_LENGTH),
        }
    }
}

/// A kind with its article's noun.
const fn noun(kind: Kind) -> &'static str {
    match kind {
        Kind::Digits | Kind::Bytes => "byte string",
        Kind::Chunks => "chunk number",
        Kind::Microseconds => "number of microseconds",
        other => other.name(),
    }
}

/// How a value of a kind is written.
pub(super) const fn example(kind: Kind) -> &'static str {
    match kind {
        Kind::Presence => "the name of the field stands alone",
        Kind::Unsigned => "numbers are written as 6778 or 0x1a7a",
        Kind::Microseconds => "it is written as 1500 or 1.5ms",
        Kind::Time => {
            "times are written as \"2026-11-22 04:34:01.5\" in UTC, or as seconds since 1970"
        }
        Kind::Duration => "durations are written as 1.5 (seconds), 20ms, 100us",
        Kind::Ipv4 => "addresses are written as 192.0.2.1 or 10.0.0.0/8",
        Kind::Ipv6 => "addresses are written as 2001:db8::1 or 2001:db8::/32",
        Kind::Digits => "bytes are written as 24:fb:f1 or 24fbf1",
        Kind::ChannelId => "channel IDs are written with eight hexadecimal digits, as fc789664",
        Kind::Bytes => "bytes are written as 00:ff:10, or as \"text\"",
        Kind::Text | Kind::Word(_) => "text stands in quotation marks",
        Kind::Chunks => "chunks are written as 7 or 4..7",
    }
}

/// What the user wrote, as far as a message has room for it.
struct Shortened<'a>(&'a str);

impl fmt::Display for Shortened<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 48;
        let shown: String = self.0.chars().take(MOST).collect();
        let more = if shown.len() < self.0.len() {
            "…"
        } else {
            ""
        };
        let shown: String = shown.chars().map(printable).collect();
        write!(f, "{shown}{more}")
    }
}

struct InText<'a> {
    error: &'a FilterError,
    text: &'a str,
}

/// The text is shown in one line, and only its part around the place where it
/// is long.
impl fmt::Display for InText<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const AROUND: usize = 60;
        let Self { error, text } = self;
        writeln!(f, "{error}")?;
        let start = floor_boundary(text, error.offset);
        let end = floor_boundary(text, error.offset + error.length);
        let before: Vec<char> = text[..start].chars().collect();
        let marked: Vec<char> = text[start..end].chars().take(AROUND).collect();
        let rest = text[start..].chars().count();
        let skipped = before.len().saturating_sub(AROUND);
        let dots = if skipped > 0 { "…" } else { "" };
        let shown: String = before[skipped..]
            .iter()
            .copied()
            .chain(text[start..].chars().take(2 * AROUND))
            .map(printable)
            .collect();
        let more = if rest > 2 * AROUND { "…" } else { "" };
        writeln!(f, "  {dots}{shown}{more}")?;
        let indent = before.len() - skipped + dots.chars().count();
        let marks = "^".repeat(marked.len().max(1));
        write!(f, "  {:indent$}{marks}", "")
    }
}

fn printable(character: char) -> char {
    if character.is_control() {
        ' '
    } else {
        character
    }
}

/// `str::floor_char_boundary`, which the standard library has since Rust 1.91.
fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index.min(text.len()))
        .rev()
        .find(|&place| text.is_char_boundary(place))
        .unwrap_or(0)
}
