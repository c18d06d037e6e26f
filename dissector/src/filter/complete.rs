//! What could stand at the cursor.

use std::ops::Range;

use super::parse::{Next, expected_after, hint};
use super::print::Quoted;
use super::syntax::Operand;
use super::token::{Sign, What, tokens};
use crate::fields::{FIELDS, Kind};

/// What could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// The bytes of the text that a candidate replaces: the word at the cursor.
    pub replaces: Range<usize>,
    /// The best ones first.
    pub candidates: Vec<Candidate>,
    /// How a value is written that could stand there.
    pub hint: Option<&'static str>,
}

/// One thing that could stand at the cursor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What to write.
    pub text: String,
    /// What sort of thing it is.
    pub kind: CandidateKind,
    /// What it means, in one sentence.
    pub description: String,
}

/// What sort of thing a candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// A field.
    Field,
    /// A comparison or connective.
    Operator,
    /// `message(`, `len(`, `not` and the like.
    Keyword,
    /// A value of the field before it.
    Value,
}

/// What could stand at `cursor`, a place in the text in bytes. What stands
/// behind the cursor is not looked at, but for the rest of the word at it.
pub fn complete(text: &str, cursor: usize) -> Completion {
    let cursor = floor(text, cursor);
    let (mut before, wrong) = tokens(&text[..cursor]);
    // The word at the cursor: a token that ends there, or text that is not closed.
    let start = match wrong {
        Some(wrong)
            if wrong.offset + wrong.length == cursor && is_open_text(text, wrong.offset) =>
        {
            wrong.offset
        }
        // The first half of `==`, `&&` or `||`.
        Some(wrong) if wrong.offset + wrong.length == cursor && wrong.is_half_a_sign() => {
            wrong.offset
        }
        Some(_) => return nothing(cursor),
        None => match before.last() {
            Some(token) if token.end() == cursor && is_unfinished(&token.what) => {
                let start = token.offset;
                before.pop();
                start
            }
            _ => cursor,
        },
    };
    let prefix = &text[start..cursor];
    let expected = expected_after(&before, start);
    let mut candidates = Vec::new();
    for next in &expected {
        add(&mut candidates, *next);
    }
    let mut ranked: Vec<(u8, Candidate)> = candidates
        .into_iter()
        .filter_map(|candidate| Some((rank(&candidate, prefix)?, candidate)))
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    let mut candidates: Vec<Candidate> = Vec::new();
    for (_, candidate) in ranked {
        if !candidates.iter().any(|known| known.text == candidate.text) {
            candidates.push(candidate);
        }
    }
    let hint = expected.iter().find_map(|next| match next {
        Next::Value(operand) | Next::Item(operand) => Some(hint(operand.kind())),
        Next::Text => Some("a regular expression in quotation marks, which fits in any case"),
        _ => None,
    });
    Completion {
        replaces: start..word_end(text, cursor, prefix),
        candidates,
        hint,
    }
}

fn nothing(cursor: usize) -> Completion {
    Completion {
        replaces: cursor..cursor,
        candidates: Vec::new(),
        hint: None,
    }
}

fn floor(text: &str, cursor: usize) -> usize {
    (0..=cursor.min(text.len()))
        .rev()
        .find(|&place| text.is_char_boundary(place))
        .unwrap_or(0)
}

fn is_open_text(text: &str, offset: usize) -> bool {
    text[offset..].starts_with('"')
}

/// Whether a token may go on: a word always, a sign where a longer one begins
/// with it.
fn is_unfinished(what: &What<'_>) -> bool {
    match what {
        What::Word(_) => true,
        What::Text(_) => false,
        What::Sign(sign) => matches!(
            sign,
            Sign::Equal | Sign::NotEqual | Sign::Less | Sign::Greater | Sign::Matches
        ),
    }
}

/// Where the word at the cursor ends.
fn word_end(text: &str, cursor: usize, prefix: &str) -> usize {
    let rest = &text[cursor..];
    let is_of_word =
        |character: char| character.is_alphanumeric() || matches!(character, '_' | '.' | '-');
    let starts_word = prefix.starts_with('"') || prefix.chars().all(is_of_word);
    if !starts_word || prefix.is_empty() {
        return cursor;
    }
    let word = rest.find(|character| !is_of_word(character));
    let end = cursor + word.unwrap_or(rest.len());
    let closes = prefix.starts_with('"') && text[end..].starts_with('"');
    end + usize::from(closes)
}

/// Lower is better; `None` where a candidate does not fit what was typed.
fn rank(candidate: &Candidate, prefix: &str) -> Option<u8> {
    let typed = prefix.trim_start_matches('"').to_ascii_lowercase();
    let text = candidate.text.trim_start_matches('"').to_ascii_lowercase();
    if typed.is_empty() {
        return Some(0);
    }
    if text.starts_with(&typed) {
        return Some(0);
    }
    let is_name = matches!(candidate.kind, CandidateKind::Field | CandidateKind::Value);
    match text.find(&typed) {
        // At a part of the name.
        Some(place) if is_name && !text.as_bytes()[place - 1].is_ascii_alphanumeric() => Some(1),
        Some(_) if is_name => Some(2),
        _ => None,
    }
}

fn candidate(kind: CandidateKind, text: &str, description: &str) -> Candidate {
    Candidate {
        text: text.to_owned(),
        kind,
        description: description.to_owned(),
    }
}

fn add(candidates: &mut Vec<Candidate>, next: Next) {
    use CandidateKind::{Keyword, Operator};
    match next {
        Next::Expression | Next::InMessage => {
            add_fields(candidates);
            let in_message = next == Next::InMessage;
            for (text, description) in [
                ("message(", "One message for which all in it holds."),
                ("not", "What follows must not hold."),
                ("all", "All values of a field must fit."),
                ("any", "At least one value of a field must fit."),
                ("count(", "How many values a field has."),
                ("len(", "How long the values of a field are."),
            ] {
                if !(in_message && text == "message(") {
                    candidates.push(candidate(Keyword, text, description));
                }
            }
        }
        Next::Field => add_fields(candidates),
        Next::Relation(operand) => add_relations(candidates, operand),
        Next::Value(operand) | Next::Item(operand) => add_values(candidates, operand),
        Next::Connective => {
            for (text, description) in [
                ("&&", "Both must hold."),
                ("||", "One of the two must hold."),
            ] {
                candidates.push(candidate(Operator, text, description));
            }
        }
        Next::Sign(sign) => {
            let description = match sign {
                Sign::Close => "Ends the parenthesis.",
                Sign::OpenSet => "Begins the set.",
                Sign::CloseSet => "Ends the set.",
                Sign::Comma => "Another item.",
                Sign::To => "Up to, that included.",
                _ => "",
            };
            candidates.push(candidate(Operator, sign.text(), description));
        }
        Next::Text => {}
    }
}

fn add_fields(candidates: &mut Vec<Candidate>) {
    for field in FIELDS {
        candidates.push(candidate(CandidateKind::Field, field.name, field.text));
    }
}

fn add_relations(candidates: &mut Vec<Candidate>, operand: Operand) {
    let kind = operand.kind();
    let mut add = |text, description| {
        candidates.push(candidate(CandidateKind::Operator, text, description));
    };
    if kind == Kind::Presence {
        return;
    }
    add("==", "Any value is equal.");
    add("!=", "There are values and none is equal.");
    let is_ordered = match kind {
        Kind::Word(words) => words.are_ordered(),
        _ => true,
    };
    if is_ordered {
        add("<", "Any value is less.");
        add("<=", "Any value is less or equal.");
        add(">", "Any value is greater.");
        add(">=", "Any value is greater or equal.");
    }
    add("in", "Any value is one of a set, as {1, 5..7}.");
    let (has_parts, has_text) = match kind {
        Kind::Digits | Kind::ChannelId | Kind::Bytes | Kind::Text | Kind::Word(_) => (true, true),
        Kind::Chunks => (true, false),
        _ => (false, false),
    };
    if has_parts {
        add("contains", "Any value has this in it.");
    }
    if has_text {
        add("matches", "A regular expression fits any value.");
    }
    add("===", "All values are equal.");
    add("!==", "Any value is not equal.");
}

fn add_values(candidates: &mut Vec<Candidate>, operand: Operand) {
    let Kind::Word(words) = operand.kind() else {
        return;
    };
    for (number, word) in words.all() {
        let description = words.meaning(number);
        let text = Quoted(word).to_string();
        candidates.push(candidate(CandidateKind::Value, &text, description));
    }
}
