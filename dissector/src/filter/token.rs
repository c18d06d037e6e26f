//! The words and signs of a filter.

use std::borrow::Cow;

use nom::IResult;
use nom::Parser as _;
use nom::branch::alt;
use nom::bytes::complete::{tag, take_while1};
use nom::character::complete::{anychar, multispace0, none_of};
use nom::combinator::{map, recognize, value, verify};
use nom::multi::many0_count;
use nom::sequence::{delimited, preceded};

use super::error::{Cause, FilterError};

/// A word or sign and where it stands, in bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) what: What<'a>,
    pub(super) offset: usize,
    pub(super) length: usize,
}

impl Token<'_> {
    pub(super) const fn end(&self) -> usize {
        self.offset + self.length
    }
}

/// A word or sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What<'a> {
    /// A name, a number, an address, bytes: its field's type tells.
    Word(&'a str),
    /// Text in quotation marks, without them.
    Text(Cow<'a, str>),
    Sign(Sign),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    Open,
    Close,
    OpenSet,
    CloseSet,
    OpenSlice,
    CloseSlice,
    Comma,
    To,
    And,
    Or,
    Not,
    Matches,
    Equal,
    NotEqual,
    AllEqual,
    AnyNotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// Longer ones first.
const SIGNS: [(&str, Sign); 20] = [
    ("===", Sign::AllEqual),
    ("!==", Sign::AnyNotEqual),
    ("==", Sign::Equal),
    ("!=", Sign::NotEqual),
    ("~=", Sign::AnyNotEqual),
    ("<=", Sign::LessOrEqual),
    (">=", Sign::GreaterOrEqual),
    ("&&", Sign::And),
    ("||", Sign::Or),
    ("..", Sign::To),
    ("<", Sign::Less),
    (">", Sign::Greater),
    ("!", Sign::Not),
    ("~", Sign::Matches),
    ("(", Sign::Open),
    (")", Sign::Close),
    ("{", Sign::OpenSet),
    ("}", Sign::CloseSet),
    ("[", Sign::OpenSlice),
    ("]", Sign::CloseSlice),
];

impl Sign {
    pub(super) fn text(self) -> &'static str {
        let found = SIGNS.iter().find(|(_, sign)| *sign == self);
        found.map_or(",", |(text, _)| text)
    }
}

/// The tokens of a text up to what can't be one, and that.
pub(super) fn tokens(text: &str) -> (Vec<Token<'_>>, Option<FilterError>) {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = skip_space(rest);
        if rest.is_empty() {
            return (tokens, None);
        }
        let offset = text.len() - rest.len();
        match token(rest) {
            Ok((after, what)) => {
                tokens.push(Token {
                    what,
                    offset,
                    length: rest.len() - after.len(),
                });
                rest = after;
            }
            Err(_) => return (tokens, Some(no_token(rest, offset))),
        }
    }
}

fn skip_space(text: &str) -> &str {
    let skipped: IResult<&str, &str> = multispace0(text);
    skipped.map_or(text, |(rest, _)| rest)
}

/// Why nothing can be read here.
fn no_token(rest: &str, offset: usize) -> FilterError {
    let first = rest.chars().next().unwrap_or_default();
    let (length, cause) = match first {
        '"' => (rest.len(), Cause::TextNotClosed),
        'r' | 'R' if rest[1..].starts_with('"') => (rest.len(), Cause::TextNotClosed),
        '=' => (
            1,
            Cause::Instead {
                found: "=",
                right: "==",
            },
        ),
        '&' => (
            1,
            Cause::Instead {
                found: "&",
                right: "&&",
            },
        ),
        '|' => (
            1,
            Cause::Instead {
                found: "|",
                right: "||",
            },
        ),
        '\'' => (
            1,
            Cause::Instead {
                found: "'",
                right: "\"",
            },
        ),
        other => (other.len_utf8(), Cause::NoToken(other)),
    };
    FilterError {
        offset,
        length,
        cause,
    }
}

fn token(text: &str) -> IResult<&str, What<'_>> {
    alt((
        map(raw_text, |text| What::Text(Cow::Borrowed(text))),
        map(quoted, What::Text),
        map(sign, What::Sign),
        map(word, What::Word),
    ))
    .parse(text)
}

fn sign(text: &str) -> IResult<&str, Sign> {
    for (sign, meaning) in SIGNS {
        if let Some(rest) = text.strip_prefix(sign) {
            return Ok((rest, meaning));
        }
    }
    value(Sign::Comma, tag(",")).parse(text)
}

/// Letters, digits and what stands in numbers, addresses, times and names; two
/// points end it.
fn word(text: &str) -> IResult<&str, &str> {
    let end = text.find("..").unwrap_or(text.len());
    let (here, rest) = text.split_at(end);
    let found: IResult<&str, &str> = take_while1(is_of_word)(here);
    found.map(|(after, word)| (&text[text.len() - rest.len() - after.len()..], word))
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '_' | '.' | ':' | '-' | '/' | '+')
}

/// `r"…"`, in which nothing has a meaning of its own.
fn raw_text(text: &str) -> IResult<&str, &str> {
    preceded(
        alt((tag("r"), tag("R"))),
        delimited(tag("\""), recognize(many0_count(none_of("\""))), tag("\"")),
    )
    .parse(text)
}

/// `"…"`, in which `\"`, `\\`, `\n`, `\r` and `\t` mean what they mean in C. A
/// backslash before anything else stays, as regular expressions want it.
fn quoted(text: &str) -> IResult<&str, Cow<'_, str>> {
    let escaped = preceded(tag("\\"), anychar);
    let plain = verify(anychar, |character| !matches!(character, '"' | '\\'));
    let inside = recognize(many0_count(alt((escaped, plain))));
    map(delimited(tag("\""), inside, tag("\"")), unescape).parse(text)
}

fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('\\') {
        return Cow::Borrowed(text);
    }
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            plain.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => plain.push('\n'),
            Some('r') => plain.push('\r'),
            Some('t') => plain.push('\t'),
            Some(same @ ('"' | '\\')) => plain.push(same),
            Some(other) => plain.extend(['\\', other]),
            None => plain.push('\\'),
        }
    }
    Cow::Owned(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<What<'_>> {
        let (tokens, error) = tokens(text);
        assert_eq!(error, None);
        tokens.into_iter().map(|token| token.what).collect()
    }

    #[test]
    fn two_points_separate_words_and_one_does_not() {
        use What::{Sign, Word};
        assert_eq!(
            words("ip.addr 10.0.0.1..10.0.0.9 7000..7010"),
            [
                Word("ip.addr"),
                Word("10.0.0.1"),
                Sign(super::Sign::To),
                Word("10.0.0.9"),
                Word("7000"),
                Sign(super::Sign::To),
                Word("7010"),
            ]
        );
    }

    #[test]
    fn text_keeps_the_backslashes_that_patterns_need() {
        let text = r#" "a\"b\\c\d\n" r"\"#;
        let (tokens, error) = tokens(text);
        assert_eq!(tokens[0].what, What::Text("a\"b\\c\\d\n".into()));
        assert_eq!(tokens[0].offset, 1);
        assert_eq!(error.map(|error| error.offset), Some(16));
        assert_eq!(words(r#"r"\""#), [What::Text(r"\".into())]);
    }

    #[test]
    fn what_is_no_token_is_named_with_its_place() {
        let (tokens, error) = tokens("udp.port = 5");
        assert_eq!(tokens.len(), 1);
        let error = error.expect("no sign");
        assert_eq!((error.offset, error.length), (9, 1));
    }
}
