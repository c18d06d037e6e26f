//! Channels: one line each, sortable by any column.

use std::cmp::Ordering;
use std::time::{Duration, Instant};

use ppspp_dissector::session::{Analyzer, ChannelIndex, Side, State};

use super::column::{bytes, duration, rate};
use super::keys::Action;
use super::list::Cursor;
use super::screen::{Canvas, put_address};
use super::view::{Common, Outcome, Scope, View};
use crate::index::{Conversation, Direction, Histogram};
use crate::output::short_swarm;

/// A cell: what is shown, and what it is sorted by.
#[derive(Clone, Debug)]
enum Value {
    Text(String),
    Number(i128, String),
}

impl Value {
    fn number(number: u64, text: impl Into<String>) -> Self {
        Self::Number(number.into(), text.into())
    }

    fn count(number: u64) -> Self {
        Self::Number(number.into(), number.to_string())
    }

    fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Number(_, text) => text,
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(one, _), Self::Number(other, _)) => one.cmp(other),
            _ => self.text().cmp(other.text()),
        }
    }
}

/// Names and widths; the last ones are seen with → where there is no room.
const COLUMNS: [(&str, u16); 21] = [
    ("Initiator", 21),
    ("Responder", 21),
    ("Swarm", 6),
    ("State", 11),
    ("Duration", 9),
    ("Sent →", 7),
    ("← Sent", 7),
    ("Bytes →", 8),
    ("← Bytes", 8),
    ("Goodput", 10),
    ("Overhead", 8),
    ("DATA", 8),
    ("Again", 6),
    ("Dup", 6),
    ("Unreq", 6),
    ("Reord", 6),
    ("Lat 50%", 8),
    ("Lat 99%", 8),
    ("Delay50", 8),
    ("Delay99", 8),
    ("Dialect", 14),
];

/// The last columns: text, and not of what is measured.
const TEXTS: usize = 4;
const DIALECT: usize = COLUMNS.len() - 1;

/// How often a table that grows is sorted again.
const SORTED_EVERY: Duration = Duration::from_millis(400);

/// The table.
#[derive(Default)]
pub(super) struct Channels {
    cursor: Cursor,
    /// The channels, sorted.
    order: Vec<ChannelIndex>,
    /// How many datagrams there were when they were sorted, and when that was.
    sorted: Option<(usize, bool, Instant)>,
    sorted_by: Option<usize>,
    is_reversed: bool,
    first_column: usize,
    /// Columns of the screen, when it was drawn last.
    screen: u16,
}

impl Channels {
    /// How wide a column is: addresses, which may be IPv6 ones, get more where there
    /// is room.
    const fn width_of(&self, column: usize) -> u16 {
        match (column, self.screen) {
            (0 | 1, 240..) => 44,
            (0 | 1, 160..) => 28,
            _ => COLUMNS[column].1,
        }
    }

    fn refresh(&mut self, common: &Common) {
        let (length, done) = (common.store.len(), common.store.status().done);
        let is_new = self.sorted.is_none_or(|(at, was_done, when)| {
            (at, was_done) != (length, done)
                && (self.sorted_by.is_none() || was_done != done || when.elapsed() > SORTED_EVERY)
        });
        if is_new {
            self.sort(common);
        }
    }

    fn sort(&mut self, common: &Common) {
        let (length, done) = (common.store.len(), common.store.status().done);
        self.sorted = Some((length, done, Instant::now()));
        let selected = self.order.get(self.cursor.selected).copied();
        let analyzer = common.store.analyzer();
        self.order.clear();
        let all = analyzer.numbered_channels().map(|(index, _)| index);
        self.order.extend(all);
        if let Some(column) = self.sorted_by {
            let key = |index: &ChannelIndex| value(common, &analyzer, *index, column);
            let mut keyed: Vec<_> = self
                .order
                .drain(..)
                .map(|index| (key(&index), index))
                .collect();
            keyed.sort_by(|(one, index), (other, other_index)| {
                let order = one.compare(other);
                let order = if self.is_reversed {
                    order.reverse()
                } else {
                    order
                };
                order.then(index.cmp(other_index))
            });
            self.order.extend(keyed.into_iter().map(|(_, index)| index));
        }
        let place = self.order.iter().position(|index| Some(*index) == selected);
        self.cursor.selected = place.unwrap_or(self.cursor.selected);
    }
}

/// One cell.
fn value(common: &Common, analyzer: &Analyzer, index: ChannelIndex, column: usize) -> Value {
    if (TEXTS..DIALECT).contains(&column) {
        let measured = common
            .store
            .with_conversation(index, |conversation| measured(conversation, column));
        return measured.unwrap_or_else(|| Value::Text(String::new()));
    }
    let Some(channel) = analyzer.channel(index) else {
        return Value::Text(String::new());
    };
    let initiator = channel.end(Side::Initiator);
    Value::Text(match column {
        0 => initiator.address.to_string(),
        1 => channel.end(Side::Responder).address.to_string(),
        2 => short_swarm(Some(analyzer.swarm_of(channel))),
        DIALECT => initiator.layout.dialect.name.to_owned(),
        _ => match channel.state {
            State::HalfOpen => "half open",
            State::Answered => "answered",
            State::Established => "established",
            State::Joined => "joined",
            State::Closed(Side::Initiator) => "closed by →",
            State::Closed(Side::Responder) => "closed by ←",
        }
        .to_owned(),
    })
}

/// A cell of what is measured.
fn measured(conversation: &Conversation, column: usize) -> Value {
    let time = conversation
        .first
        .zip(conversation.last)
        .map_or(0, |(first, last)| last.since(first).max(0));
    let [one, other] = &conversation.directions;
    let sum = |of: fn(&Direction) -> u64| of(one) + of(other);
    let content = sum(|direction| direction.content_bytes);
    // The side that sent more DATA is the one whose delays matter.
    let main = if one.data >= other.data { one } else { other };
    let percentile = |of: &Histogram, percent, unit: u64| {
        let value = of
            .percentile(percent)
            .map(|value| value.saturating_mul(unit));
        Value::Number(
            value.map_or(-1, i128::from),
            value.map_or_else(|| "–".to_owned(), duration),
        )
    };
    match column {
        4 => Value::number(time as u64, duration(time as u64)),
        5 => Value::count(one.datagrams),
        6 => Value::count(other.datagrams),
        7 => Value::number(one.bytes, bytes(one.bytes)),
        8 => Value::number(other.bytes, bytes(other.bytes)),
        9 => {
            let goodput = u64::try_from(time)
                .ok()
                .filter(|time| *time > 0)
                .map_or(0, |time| {
                    u128::from(content) * 1_000_000_000 / u128::from(time)
                });
            Value::Number(goodput as i128, rate(content, time))
        }
        10 => {
            let total = sum(|direction| direction.bytes);
            let overhead = (total > 0).then(|| (total - content.min(total)) * 100 / total);
            Value::Number(
                overhead.map_or(-1, i128::from),
                overhead.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %")),
            )
        }
        11 => Value::count(sum(|direction| direction.data)),
        12 => Value::count(sum(|direction| direction.requested_again)),
        13 => Value::count(sum(|direction| direction.duplicates)),
        14 => Value::count(sum(|direction| direction.unrequested)),
        15 => Value::count(sum(|direction| direction.reordered)),
        16 => percentile(&main.latency, 50, 1),
        17 => percentile(&main.latency, 99, 1),
        18 => percentile(&main.delay, 50, 1000),
        _ => percentile(&main.delay, 99, 1000),
    }
}

impl View for Channels {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        self.refresh(common);
        self.screen = canvas.width();
        let theme = &common.settings.theme;
        let height = canvas.height().saturating_sub(1);
        let window = self.cursor.window(self.order.len(), height.into());
        let analyzer = common.store.analyzer();
        // Who talks stays in sight, the rest moves.
        let columns = [0, 1]
            .into_iter()
            .chain(2 + self.first_column..COLUMNS.len());
        let mut x = 1;
        for column in columns {
            let name = COLUMNS[column].0;
            let width = self.width_of(column);
            if x >= canvas.width() {
                break;
            }
            let is_text = column < TEXTS || column == DIALECT;
            let mut title = name.to_owned();
            if self.sorted_by == Some(column) {
                title = format!("{name}{}", if self.is_reversed { "▼" } else { "▲" });
            }
            let mut part = canvas.part(x, 0, width, canvas.height());
            if is_text {
                part.put(0, 0, &title, theme.heading);
            } else {
                part.put_right(width, 0, &title, theme.heading);
            }
            for (y, line) in (1..).zip(window.clone()) {
                let Some(index) = self.order.get(line) else {
                    break;
                };
                let value = value(common, &analyzer, *index, column);
                if is_text {
                    let mut cell = part.part(0, y, width, 1);
                    put_address(&mut cell, value.text(), theme.text);
                } else {
                    part.put_right(width, y, value.text(), theme.text);
                }
            }
            x += width + 1;
        }
        if x > canvas.width() {
            let width = canvas.width();
            canvas.put_right(width, 0, " → more", theme.faint);
        }
        for (y, line) in (1..).zip(window) {
            if line == self.cursor.selected {
                canvas.fill(y, theme.selected);
                canvas.put(0, y, ">", theme.selected);
            }
        }
        if self.order.is_empty() {
            let text = if common.store.status().done {
                "No channel here: no PPSPP datagram was seen."
            } else {
                "No channel so far."
            };
            canvas.put(1, 1, text, theme.faint);
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        let selected = self.order.get(self.cursor.selected).copied();
        match action {
            Action::Right => self.first_column = (self.first_column + 1).min(COLUMNS.len() - 3),
            Action::Left => self.first_column = self.first_column.saturating_sub(1),
            Action::Sort => {
                self.sorted_by = match self.sorted_by {
                    None => Some(0),
                    Some(column) if column + 1 < COLUMNS.len() => Some(column + 1),
                    Some(_) => None,
                };
                self.sort(common);
                let by = self
                    .sorted_by
                    .map_or("appearance", |column| COLUMNS[column].0);
                return Outcome::Say(format!("sorted by {by}"));
            }
            Action::Reverse => {
                self.is_reversed = !self.is_reversed;
                self.sort(common);
            }
            Action::Open | Action::Scope => {
                let scope = selected.map(Scope::Channel);
                return scope.map_or(Outcome::Done, Outcome::Flow);
            }
            Action::Copy => {
                let analyzer = common.store.analyzer();
                let texts = selected.map(|index| {
                    let cells = (0..COLUMNS.len())
                        .map(|column| value(common, &analyzer, index, column).text().to_owned());
                    cells.collect::<Vec<_>>().join("\t")
                });
                return texts.map_or(Outcome::Done, Outcome::Copy);
            }
            _ if self.cursor.act(action, count, self.order.len()) => {}
            _ => return Outcome::Ignored,
        }
        Outcome::Done
    }

    fn click(&mut self, x: u16, y: u16, common: &mut Common) -> Outcome {
        if y > 0 {
            let line = self.cursor.top + usize::from(y) - 1;
            if line == self.cursor.selected {
                return self.act(Action::Open, None, common);
            }
            self.cursor.selected = line;
            return Outcome::Done;
        }
        let mut start = 1;
        for column in [0, 1]
            .into_iter()
            .chain(2 + self.first_column..COLUMNS.len())
        {
            let width = self.width_of(column);
            if (start..=start + width).contains(&x) {
                if self.sorted_by == Some(column) {
                    self.is_reversed = !self.is_reversed;
                }
                self.sorted_by = Some(column);
                self.sort(common);
                break;
            }
            start += width + 1;
        }
        Outcome::Done
    }

    fn help(&self) -> &'static [(Action, &'static str)] {
        &[
            (Action::Right, "more columns"),
            (Action::Sort, "sort by the next column"),
            (Action::Reverse, "sort the other way round"),
            (Action::Open, "the channel's flow"),
            (Action::Copy, "copy the line"),
        ]
    }
}
