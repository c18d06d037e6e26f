//! From tokens to what they say, by recursive descent. Every value is read by
//! the kind of its field, so that what does not fit is found here, at its place.

use super::error::{Cause, FilterError, example};
use super::literal::{integer, literal, nearest};
use super::syntax::{
    Comparison, Expression, Item, Literal, Object, Operand, Part, Quantifier, Relation, Test,
};
use super::token::{Sign, Token, What, tokens};
use super::{MAX_DEPTH, MAX_LENGTH};
use crate::fields::{FIELDS, FieldId, Kind};
use crate::wire::ChunkRange;

/// Bytes that a compiled regular expression may take.
const MAX_PATTERN: usize = 1 << 20;

/// What could stand at the end of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A test, or what introduces one.
    Expression,
    /// The same within `message(…)`.
    InMessage,
    /// A field.
    Field,
    /// A comparison of this operand.
    Relation(Operand),
    /// A value to compare this operand with, or a field.
    Value(Operand),
    /// An item of a set for this operand.
    Item(Operand),
    /// Text.
    Text,
    /// `&&`, `||`.
    Connective,
    /// This sign.
    Sign(Sign),
}

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Expression, FilterError> {
    if text.len() > MAX_LENGTH {
        return Err(FilterError {
            offset: MAX_LENGTH,
            length: 0,
            cause: Cause::TooLong,
        });
    }
    let (tokens, wrong) = tokens(text);
    // A wrong token counts where the parser comes to it; what is wrong before
    // it is told first.
    let mut parser = Parser::new(&tokens, text.len());
    match (parser.filter(), wrong) {
        (Err(error), Some(wrong)) if error.offset < wrong.offset && !parser.at_end() => Err(error),
        (_, Some(wrong)) => Err(wrong),
        (read, None) => read,
    }
}

/// What could follow these tokens.
pub(super) fn expected_after(tokens: &[Token<'_>], end: usize) -> Vec<Next> {
    let mut parser = Parser::new(tokens, end);
    // An error before the end means that nothing is known about it.
    let _ = parser.filter();
    parser.next
}

struct Parser<'t, 'a> {
    tokens: &'t [Token<'a>],
    place: usize,
    /// Where the text ends, in bytes.
    end: usize,
    depth: usize,
    in_message: bool,
    /// What was wanted at the end.
    next: Vec<Next>,
}

type Parsed<T> = Result<T, FilterError>;

impl<'t, 'a> Parser<'t, 'a> {
    const fn new(tokens: &'t [Token<'a>], end: usize) -> Self {
        Self {
            tokens,
            place: 0,
            end,
            depth: 0,
            in_message: false,
            next: Vec::new(),
        }
    }

    const fn at_end(&self) -> bool {
        self.place >= self.tokens.len()
    }

    fn peek(&self) -> Option<&'t Token<'a>> {
        self.tokens.get(self.place)
    }

    /// Notes what could stand here, for completion.
    fn wants(&mut self, next: Next) {
        if self.at_end() {
            self.next.push(next);
        }
    }

    fn takes(&mut self, sign: Sign) -> bool {
        let is = self
            .peek()
            .is_some_and(|token| token.what == What::Sign(sign));
        self.place += usize::from(is);
        is
    }

    fn takes_word(&mut self, words: &[&str]) -> bool {
        let is = match self.peek().map(|token| &token.what) {
            Some(What::Word(word)) => words.contains(word),
            _ => false,
        };
        self.place += usize::from(is);
        is
    }

    /// An error at the next token.
    fn error(&self, cause: Cause) -> FilterError {
        let (offset, length) = self
            .peek()
            .map_or((self.end, 0), |token| (token.offset, token.length));
        FilterError {
            offset,
            length,
            cause,
        }
    }

    /// Something else must stand at the next token.
    fn expected<T>(&self, what: &'static str) -> Parsed<T> {
        let found = match self.peek().map(|token| &token.what) {
            None => String::new(),
            Some(What::Word(word)) => (*word).to_owned(),
            Some(What::Text(text)) => format!("\"{text}\""),
            Some(What::Sign(sign)) => sign.text().to_owned(),
        };
        Err(self.error(Cause::Expected { what, found }))
    }

    fn require(&mut self, sign: Sign, what: &'static str) -> Parsed<()> {
        self.wants(Next::Sign(sign));
        if self.takes(sign) {
            Ok(())
        } else {
            self.expected(what)
        }
    }

    fn filter(&mut self) -> Parsed<Expression> {
        if self.at_end() {
            self.wants(Next::Expression);
            return Ok(Expression::Everything);
        }
        let read = self.or()?;
        if self.at_end() {
            Ok(read)
        } else {
            self.expected("&&, || or the end")
        }
    }

    /// One level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= MAX_DEPTH {
            return Err(self.error(Cause::TooDeep));
        }
        self.depth += 1;
        let result = read(self);
        self.depth -= 1;
        result
    }

    fn or(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.and()?];
        loop {
            self.wants(Next::Connective);
            if !self.takes(Sign::Or) && !self.takes_word(&["or"]) {
                break;
            }
            parts.push(self.and()?);
        }
        Ok(joined(
            parts,
            Expression::Or,
            |expression| match expression {
                Expression::Or(parts) => Ok(parts),
                other => Err(other),
            },
        ))
    }

    fn and(&mut self) -> Parsed<Expression> {
        let mut parts = vec![self.not()?];
        while self.takes(Sign::And) || self.takes_word(&["and"]) {
            parts.push(self.not()?);
        }
        Ok(joined(
            parts,
            Expression::And,
            |expression| match expression {
                Expression::And(parts) => Ok(parts),
                other => Err(other),
            },
        ))
    }

    fn not(&mut self) -> Parsed<Expression> {
        self.wants(if self.in_message {
            Next::InMessage
        } else {
            Next::Expression
        });
        if self.takes(Sign::Not) || self.takes_word(&["not"]) {
            let inner = self.deeper(Self::not)?;
            return Ok(Expression::Not(Box::new(inner)));
        }
        if self.takes(Sign::Open) {
            let inner = self.deeper(Self::or)?;
            self.require(Sign::Close, "&&, || or a closing parenthesis")?;
            return Ok(inner);
        }
        if self.is_call("message") {
            return self.message();
        }
        self.test()
    }

    /// Whether a function of this name is called here.
    fn is_call(&self, name: &str) -> bool {
        let is = |place: usize, what: &What<'_>| {
            self.tokens
                .get(place)
                .is_some_and(|token| token.what == *what)
        };
        is(self.place, &What::Word(name)) && is(self.place + 1, &What::Sign(Sign::Open))
    }

    fn message(&mut self) -> Parsed<Expression> {
        if self.in_message {
            return Err(self.error(Cause::Nested));
        }
        self.place += 2;
        self.in_message = true;
        let inner = self.deeper(Self::or);
        self.in_message = false;
        let inner = inner?;
        self.require(Sign::Close, "&&, || or a closing parenthesis")?;
        Ok(Expression::Message(Box::new(inner)))
    }

    fn test(&mut self) -> Parsed<Expression> {
        let quantifier = if self.takes_word(&["any"]) {
            Some(Quantifier::Any)
        } else if self.takes_word(&["all"]) {
            Some(Quantifier::All)
        } else {
            None
        };
        if quantifier.is_some() {
            self.wants(Next::Field);
        }
        let subject = self.operand("a field")?;
        self.wants(Next::Relation(subject));
        let negated = self.is_not_in();
        if negated {
            self.place += 1;
        }
        let relation = self.relation(subject, quantifier.is_some())?;
        let test = Expression::Test(Test {
            quantifier,
            subject,
            relation,
        });
        Ok(if negated {
            Expression::Not(Box::new(test))
        } else {
            test
        })
    }

    /// `not in`, which stands behind a field.
    fn is_not_in(&self) -> bool {
        let word = |place: usize| match self.tokens.get(place).map(|token| &token.what) {
            Some(What::Word(word)) => Some(*word),
            _ => None,
        };
        word(self.place) == Some("not") && word(self.place + 1) == Some("in")
    }

    /// A field, with a slice or in a function.
    fn operand(&mut self, what: &'static str) -> Parsed<Operand> {
        for (name, part) in [("len", Part::Length), ("count", Part::Count)] {
            if self.is_call(name) {
                self.place += 2;
                self.wants(Next::Field);
                let at = self.place;
                let field = self.field(what)?;
                if part == Part::Length && !has_length(field.field().kind) {
                    self.place = at;
                    return Err(self.error(Cause::WrongRelation {
                        kind: field.field().kind,
                        relation: "len",
                    }));
                }
                self.require(Sign::Close, "a closing parenthesis")?;
                return Ok(Operand { field, part });
            }
        }
        let field = self.field(what)?;
        let whole = Operand {
            field,
            part: Part::Whole,
        };
        let slice = self.error(Cause::WrongRelation {
            kind: whole.kind(),
            relation: "a slice",
        });
        if !self.takes(Sign::OpenSlice) {
            return Ok(whole);
        }
        if !has_bytes(whole.kind()) {
            return Err(slice);
        }
        let part = self.slice()?;
        self.require(Sign::CloseSlice, "]")?;
        Ok(Operand { field, part })
    }

    fn field(&mut self, what: &'static str) -> Parsed<FieldId> {
        let Some(What::Word(name)) = self.peek().map(|token| &token.what) else {
            return self.expected(what);
        };
        let Some(field) = FieldId::by_name(name) else {
            return Err(self.error(Cause::UnknownField {
                name: (*name).to_owned(),
                nearest: nearest(name, FIELDS.iter().map(|field| field.name)),
            }));
        };
        self.place += 1;
        Ok(field)
    }

    /// `0:4`, `0-3`, `2`, `:4`, `4:`, as Wireshark has them.
    fn slice(&mut self) -> Parsed<Part> {
        const WHAT: &str = "a slice as 0:4 (from, how many), 0-3 (from, to), :4, 4: or 4";
        let Some(What::Word(text)) = self.peek().map(|token| &token.what) else {
            return self.expected(WHAT);
        };
        match read_slice(text) {
            Some(part) => {
                self.place += 1;
                Ok(part)
            }
            None => self.expected(WHAT),
        }
    }

    fn relation(&mut self, subject: Operand, needs_one: bool) -> Parsed<Relation> {
        let kind = subject.kind();
        if let Some(comparison) = self.comparison() {
            if kind == Kind::Presence || !comparison.is_of_equality() && !is_ordered(kind) {
                self.place -= 1;
                return Err(self.error(Cause::WrongComparison { kind, comparison }));
            }
            self.wants(Next::Value(subject));
            return Ok(Relation::Compare(
                comparison,
                self.object(subject, comparison)?,
            ));
        }
        let at = self.place;
        let wrong = |parser: &mut Self, relation| {
            parser.place = at;
            Err(parser.error(Cause::WrongRelation { kind, relation }))
        };
        if self.takes_word(&["in"]) {
            if kind == Kind::Presence {
                return wrong(self, "in");
            }
            return self.set(subject).map(Relation::In);
        }
        if self.takes_word(&["contains"]) {
            if !has_bytes(kind) && !matches!(kind, Kind::Text | Kind::Word(_) | Kind::Chunks) {
                return wrong(self, "contains");
            }
            self.wants(Next::Value(subject));
            return self.contained(kind).map(Relation::Contains);
        }
        if self.takes(Sign::Matches) || self.takes_word(&["matches"]) {
            if !has_bytes(kind) && !matches!(kind, Kind::Text | Kind::Word(_)) {
                return wrong(self, "matches");
            }
            self.wants(Next::Text);
            return self.pattern(kind).map(Relation::Matches);
        }
        if matches!(subject.part, Part::Length | Part::Count) {
            return self.expected("a comparison such as ==");
        }
        if needs_one {
            return self.expected("a comparison such as ==");
        }
        Ok(Relation::Present)
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let found = match self.peek()?.what {
            What::Sign(sign) => match sign {
                Sign::Equal => Comparison::Equal,
                Sign::NotEqual => Comparison::NotEqual,
                Sign::AllEqual => Comparison::AllEqual,
                Sign::AnyNotEqual => Comparison::AnyNotEqual,
                Sign::Less => Comparison::Less,
                Sign::LessOrEqual => Comparison::LessOrEqual,
                Sign::Greater => Comparison::Greater,
                Sign::GreaterOrEqual => Comparison::GreaterOrEqual,
                _ => return None,
            },
            What::Word(word) => match word {
                "eq" | "any_eq" => Comparison::Equal,
                "ne" | "all_ne" => Comparison::NotEqual,
                "all_eq" => Comparison::AllEqual,
                "any_ne" => Comparison::AnyNotEqual,
                "lt" => Comparison::Less,
                "le" => Comparison::LessOrEqual,
                "gt" => Comparison::Greater,
                "ge" => Comparison::GreaterOrEqual,
                _ => return None,
            },
            What::Text(_) => return None,
        };
        self.place += 1;
        Some(found)
    }

    /// What stands behind a comparison: a value or a field.
    fn object(&mut self, subject: Operand, comparison: Comparison) -> Parsed<Object> {
        let kind = subject.kind();
        if self.is_operand() {
            let at = self.place;
            let operand = self.operand("a field")?;
            if kind != Kind::Chunks && are_comparable(kind, operand.kind()) {
                return Ok(Object::Operand(operand));
            }
            self.place = at;
            return Err(self.error(Cause::Different {
                left: kind,
                right: operand.kind(),
            }));
        }
        let first = self.value(kind)?;
        let Literal::Chunks(range) = first else {
            return Ok(Object::Literal(first));
        };
        if comparison.is_of_equality() {
            return self.rest_of_chunks(range).map(Object::Literal);
        }
        Ok(Object::Literal(first))
    }

    /// Whether a field or function stands here.
    fn is_operand(&self) -> bool {
        let is_field = match self.peek().map(|token| &token.what) {
            Some(What::Word(word)) => FieldId::by_name(word).is_some(),
            _ => false,
        };
        is_field || self.is_call("len") || self.is_call("count")
    }

    fn value(&mut self, kind: Kind) -> Parsed<Literal> {
        let Some(token) = self.peek() else {
            return self.expected("a value");
        };
        let read = literal(kind, &token.what).map_err(|cause| self.error(cause))?;
        self.place += 1;
        Ok(read)
    }

    /// `..7` behind a chunk.
    fn rest_of_chunks(&mut self, first: ChunkRange) -> Parsed<Literal> {
        if !self.takes(Sign::To) {
            return Ok(Literal::Chunks(first));
        }
        let at = self.place;
        let Literal::Chunks(last) = self.value(Kind::Chunks)? else {
            return self.expected("a chunk");
        };
        if let Some(range) = ChunkRange::new(first.start(), last.end()) {
            return Ok(Literal::Chunks(range));
        }
        self.place = at;
        Err(self.error(Cause::Reversed))
    }

    /// What stands behind `contains`.
    fn contained(&mut self, kind: Kind) -> Parsed<Literal> {
        match (kind, self.peek().map(|token| &token.what)) {
            // A part of a channel ID is shorter than one.
            (Kind::ChannelId, _) => self.value(Kind::Digits),
            // A part of a word is none.
            (Kind::Word(_), _) => self.value(Kind::Text),
            (Kind::Chunks, _) => match self.value(kind)? {
                Literal::Chunks(first) => self.rest_of_chunks(first),
                other => Ok(other),
            },
            _ => self.value(kind),
        }
    }

    fn pattern(&mut self, kind: Kind) -> Parsed<String> {
        let Some(What::Text(pattern)) = self.peek().map(|token| &token.what) else {
            return self.expected("a regular expression in quotation marks");
        };
        if let Err(error) = regex_of(pattern, kind) {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            let what = last.strip_prefix("error: ").unwrap_or(last).to_owned();
            return Err(self.error(Cause::Pattern(what)));
        }
        self.place += 1;
        Ok(pattern.clone().into_owned())
    }

    fn set(&mut self, subject: Operand) -> Parsed<Vec<Item>> {
        self.require(Sign::OpenSet, "a set in braces, as {1, 5..7}")?;
        let kind = subject.kind();
        let mut items = Vec::new();
        loop {
            self.wants(Next::Item(subject));
            items.push(self.item(kind)?);
            if self.takes(Sign::CloseSet) {
                return Ok(items);
            }
            self.wants(Next::Sign(Sign::To));
            self.wants(Next::Sign(Sign::CloseSet));
            self.require(Sign::Comma, "a comma, .. or }")?;
        }
    }

    fn item(&mut self, kind: Kind) -> Parsed<Item> {
        let first = self.value(kind)?;
        if let Literal::Chunks(range) = first {
            return Ok(Item {
                first: self.rest_of_chunks(range)?,
                last: None,
            });
        }
        let at = self.place;
        if !self.takes(Sign::To) {
            return Ok(Item { first, last: None });
        }
        let has_ranges = is_ordered(kind) && !has_bytes(kind) && kind != Kind::Text;
        if !has_ranges || is_network(&first) {
            self.place = at;
            return Err(self.error(Cause::WrongRelation {
                kind,
                relation: "a range",
            }));
        }
        let at = self.place;
        let last = self.value(kind)?;
        if is_network(&last) {
            self.place = at;
            return self.expected("an address without a prefix length");
        }
        if is_reversed(&first, &last) {
            self.place = at;
            return Err(self.error(Cause::Reversed));
        }
        Ok(Item {
            first,
            last: Some(last),
        })
    }
}

/// Several parts as one, those of the same kind taken apart, so that what
/// associates has one form.
fn joined(
    mut parts: Vec<Expression>,
    join: fn(Vec<Expression>) -> Expression,
    apart: fn(Expression) -> Result<Vec<Expression>, Expression>,
) -> Expression {
    if parts.len() == 1 {
        return parts.remove(0);
    }
    let mut all = Vec::with_capacity(parts.len());
    for part in parts {
        match apart(part) {
            Ok(inner) => all.extend(inner),
            Err(part) => all.push(part),
        }
    }
    join(all)
}

fn read_slice(text: &str) -> Option<Part> {
    let start = |text: &str| i32::try_from(integer(text)?).ok();
    let count = |text: &str| u32::try_from(integer(text)?).ok();
    if let Some((from, length)) = text.split_once(':') {
        let from = if from.is_empty() { 0 } else { start(from)? };
        let length = match length {
            "" => None,
            length => Some(count(length).filter(|length| *length > 0)?),
        };
        return Some(Part::Slice {
            start: from,
            length,
        });
    }
    if let Some(start) = start(text) {
        return Some(Part::Slice {
            start,
            length: Some(1),
        });
    }
    let (from, to) = text.split_once('-')?;
    let (from, to) = (count(from)?, count(to)?);
    Some(Part::Slice {
        start: i32::try_from(from).ok()?,
        length: Some(to.checked_sub(from)?.checked_add(1)?),
    })
}

/// A pattern as `matches` understands it: in any case, as in Wireshark. Content
/// is no text: `\xff` is that byte there, and a point is any byte.
pub(super) fn regex_of(pattern: &str, kind: Kind) -> Result<regex::bytes::Regex, regex::Error> {
    regex::bytes::RegexBuilder::new(pattern)
        .case_insensitive(true)
        .unicode(kind != Kind::Bytes)
        .size_limit(MAX_PATTERN)
        .dfa_size_limit(MAX_PATTERN)
        .build()
}

const fn has_bytes(kind: Kind) -> bool {
    matches!(kind, Kind::Digits | Kind::ChannelId | Kind::Bytes)
}

const fn has_length(kind: Kind) -> bool {
    has_bytes(kind) || matches!(kind, Kind::Text)
}

const fn is_ordered(kind: Kind) -> bool {
    match kind {
        Kind::Presence => false,
        Kind::Word(words) => words.are_ordered(),
        _ => true,
    }
}

/// Whether values of two kinds can be equal.
fn are_comparable(left: Kind, right: Kind) -> bool {
    left == right || has_bytes(left) && has_bytes(right)
}

const fn is_network(literal: &Literal) -> bool {
    match literal {
        Literal::Network { address, prefix } => *prefix < if address.is_ipv4() { 32 } else { 128 },
        _ => false,
    }
}

fn is_reversed(first: &Literal, last: &Literal) -> bool {
    match (first, last) {
        (Literal::Number(first), Literal::Number(last)) => first > last,
        (Literal::Word(first), Literal::Word(last)) => first > last,
        (Literal::Network { address: first, .. }, Literal::Network { address: last, .. }) => {
            first > last
        }
        _ => false,
    }
}

/// How a value for this operand is written, in words.
pub(super) const fn hint(kind: Kind) -> &'static str {
    example(kind)
}
