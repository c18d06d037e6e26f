//! Values that a test makes up.

use std::collections::HashMap;
use std::net::IpAddr;
use std::ops::ControlFlow;

use ppspp_dissector::fields::{FieldId, Level, Value, Values};
use ppspp_dissector::filter::Filter;
use ppspp_dissector::wire::ChunkRange;

/// A value that owns what it holds.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Owned {
    Present,
    Number(i128),
    Address(IpAddr),
    Bytes(Vec<u8>),
    Text(String),
    Word(u16),
    Chunks(ChunkRange),
}

impl Owned {
    fn lend(&self) -> Value<'_> {
        match self {
            Self::Present => Value::Present,
            Self::Number(number) => Value::Number(*number),
            Self::Address(address) => Value::Address(*address),
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Text(text) => Value::Text(text),
            Self::Word(number) => Value::Word(*number),
            Self::Chunks(range) => Value::Chunks(*range),
        }
    }
}

/// Values by their fields.
pub(crate) type Table = HashMap<FieldId, Vec<Owned>>;

/// A datagram that was never sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Imagined {
    pub(crate) datagram: Table,
    pub(crate) messages: Vec<Table>,
    pub(crate) level: Option<Level>,
}

impl Imagined {
    /// All values of a field: of all messages, or of the one at a place.
    pub(crate) fn values(&self, field: FieldId, message: Option<usize>) -> Vec<&Owned> {
        let tables: Vec<&Table> = if field.field().is_of_messages() {
            match message {
                Some(place) => vec![&self.messages[place]],
                None => self.messages.iter().collect(),
            }
        } else {
            vec![&self.datagram]
        };
        let values = tables.into_iter().filter_map(|table| table.get(&field));
        values.flatten().collect()
    }
}

impl Values for Imagined {
    fn level(&self) -> Level {
        self.level.unwrap_or(Level::Session)
    }

    fn messages(&self) -> usize {
        self.messages.len()
    }

    fn visit(
        &self,
        field: FieldId,
        message: Option<usize>,
        visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if field.field().level > self.level() {
            return ControlFlow::Continue(());
        }
        self.values(field, message)
            .into_iter()
            .try_for_each(|value| visit(value.lend()))
    }
}

/// A field and its values.
pub(crate) type Row<'a> = (&'a str, Vec<Owned>);

fn table(rows: &[Row<'_>]) -> Table {
    let named = |name| FieldId::by_name(name).expect("a field's name");
    rows.iter()
        .map(|(name, values)| (named(name), values.clone()))
        .collect()
}

/// A datagram with these values, and these in each of its messages.
pub(crate) fn imagine(datagram: &[Row<'_>], messages: &[&[Row<'_>]]) -> Imagined {
    Imagined {
        datagram: table(datagram),
        messages: messages.iter().map(|rows| table(rows)).collect(),
        level: None,
    }
}

pub(crate) fn filter(text: &str) -> Filter {
    Filter::parse(text).unwrap_or_else(|error| panic!("{}", error.with_text(text)))
}

pub(crate) fn number(number: i128) -> Owned {
    Owned::Number(number)
}

pub(crate) fn address(text: &str) -> Owned {
    Owned::Address(text.parse().expect("an address"))
}

/// A word by its name.
pub(crate) fn word(field: &str, word: &str) -> Owned {
    use ppspp_dissector::fields::Kind;
    let field = FieldId::by_name(field).expect("a field's name").field();
    let Kind::Word(words) = field.kind else {
        panic!("{} has no words", field.name);
    };
    Owned::Word(words.number(word).expect("a word"))
}

pub(crate) fn chunks(start: u64, end: u64) -> Owned {
    Owned::Chunks(ChunkRange::new(start, end).expect("in order"))
}
