//! Channels: one line each, sortable by any column.

use std::cmp::Ordering;

use ppspp_dissector::session::{ChannelIndex, Side, State};

use super::column::{bytes, duration, rate};
use super::keys::Action;
use super::list::Cursor;
use super::screen::Canvas;
use super::view::{Common, Outcome, Scope, View};
use crate::index::Conversation;
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
const COLUMNS: [(&str, u16); 20] = [
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
    ("Reord", 6),
    ("Lat 50%", 8),
    ("Lat 99%", 8),
    ("Delay50", 8),
    ("Delay99", 8),
    ("Dialect", 14),
];

/// The table.
#[derive(Default)]
pub(super) struct Channels {
    cursor: Cursor,
    lines: Vec<(ChannelIndex, Vec<Value>)>,
    /// How many datagrams there were when the lines were made.
    made_at: Option<(usize, bool)>,
    sorted_by: Option<usize>,
    is_reversed: bool,
    first_column: usize,
}

impl Channels {
    fn refresh(&mut self, common: &Common) {
        let now = (common.store.len(), common.store.status().done);
        if self.made_at == Some(now) {
            return;
        }
        self.made_at = Some(now);
        let selected = self
            .lines
            .get(self.cursor.selected)
            .map(|(index, _)| *index);
        let analyzer = common.store.analyzer();
        self.lines.clear();
        for (index, channel) in analyzer.numbered_channels() {
            let measured = common.store.with_conversation(index, measured);
            let state = match channel.state {
                State::HalfOpen => "half open",
                State::Answered => "answered",
                State::Established => "established",
                State::Joined => "joined",
                State::Closed(Side::Initiator) => "closed by →",
                State::Closed(Side::Responder) => "closed by ←",
            };
            let mut line = vec![
                Value::Text(channel.end(Side::Initiator).address.to_string()),
                Value::Text(channel.end(Side::Responder).address.to_string()),
                Value::Text(short_swarm(Some(analyzer.swarm_of(channel)))),
                Value::Text(state.to_owned()),
            ];
            line.extend(measured.unwrap_or_else(|| vec![Value::Text(String::new()); 15]));
            let dialect = channel.end(Side::Initiator).layout.dialect.name;
            line.push(Value::Text(dialect.to_owned()));
            self.lines.push((index, line));
        }
        self.sort();
        let place = self
            .lines
            .iter()
            .position(|(index, _)| Some(*index) == selected);
        self.cursor.selected = place.unwrap_or(self.cursor.selected);
    }

    fn sort(&mut self) {
        let Some(column) = self.sorted_by else {
            self.lines.sort_by_key(|(index, _)| *index);
            return;
        };
        self.lines.sort_by(|(index, one), (other_index, other)| {
            let order = one[column].compare(&other[column]);
            let order = if self.is_reversed {
                order.reverse()
            } else {
                order
            };
            order.then(index.cmp(other_index))
        });
    }
}

fn measured(conversation: &Conversation) -> Vec<Value> {
    let time = conversation
        .first
        .zip(conversation.last)
        .map_or(0, |(first, last)| last.since(first).max(0));
    let [one, other] = &conversation.directions;
    let sum = |of: fn(&crate::index::Direction) -> u64| of(one) + of(other);
    let content = sum(|direction| direction.content_bytes);
    let total = sum(|direction| direction.bytes);
    let overhead = (total > 0).then(|| (total - content.min(total)) * 100 / total);
    // The side that sent more DATA is the one whose delays matter.
    let main = if one.data >= other.data { one } else { other };
    let latency = |percent| {
        let value = main.latency.percentile(percent);
        Value::Number(
            value.map_or(-1, i128::from),
            value.map_or_else(|| "–".to_owned(), duration),
        )
    };
    let delay = |percent| {
        let value = main.delay.percentile(percent);
        Value::Number(
            value.map_or(-1, i128::from),
            value.map_or_else(
                || "–".to_owned(),
                |micros| duration(micros.saturating_mul(1000)),
            ),
        )
    };
    let goodput = u64::try_from(time)
        .ok()
        .filter(|time| *time > 0)
        .map_or(0, |time| {
            u128::from(content) * 1_000_000_000 / u128::from(time)
        });
    vec![
        Value::number(time as u64, duration(time as u64)),
        Value::count(one.datagrams),
        Value::count(other.datagrams),
        Value::number(one.bytes, bytes(one.bytes)),
        Value::number(other.bytes, bytes(other.bytes)),
        Value::Number(goodput as i128, rate(content, time)),
        Value::Number(
            overhead.map_or(-1, i128::from),
            overhead.map_or_else(|| "–".to_owned(), |percent| format!("{percent} %")),
        ),
        Value::count(sum(|direction| direction.data)),
        Value::count(sum(|direction| direction.requested_again)),
        Value::count(sum(|direction| direction.duplicates)),
        Value::count(sum(|direction| direction.reordered)),
        latency(50),
        latency(99),
        delay(50),
        delay(99),
    ]
}

impl View for Channels {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        self.refresh(common);
        let theme = &common.settings.theme;
        let height = canvas.height().saturating_sub(1);
        let window = self.cursor.window(self.lines.len(), height.into());
        // Who talks stays in sight, the rest moves.
        let columns = [0, 1]
            .into_iter()
            .chain(2 + self.first_column..COLUMNS.len());
        let mut x = 1;
        for column in columns {
            let (name, width) = COLUMNS[column];
            if x >= canvas.width() {
                break;
            }
            let is_text = column < 4 || column == COLUMNS.len() - 1;
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
                let Some((_, cells)) = self.lines.get(line) else {
                    break;
                };
                let text = cells.get(column).map_or("", Value::text);
                if is_text {
                    part.put(0, y, text, theme.text);
                } else {
                    part.put_right(width, y, text, theme.text);
                }
            }
            x += width + 1;
        }
        for (y, line) in (1..).zip(window) {
            if line == self.cursor.selected {
                canvas.fill(y, theme.selected);
                canvas.put(0, y, ">", theme.selected);
            }
        }
        if self.lines.is_empty() {
            canvas.put(1, 1, "No channel so far.", theme.faint);
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, _common: &mut Common) -> Outcome {
        let selected = self
            .lines
            .get(self.cursor.selected)
            .map(|(index, _)| *index);
        match action {
            Action::Right => self.first_column = (self.first_column + 1).min(COLUMNS.len() - 3),
            Action::Left => self.first_column = self.first_column.saturating_sub(1),
            Action::Sort => {
                self.sorted_by = match self.sorted_by {
                    None => Some(0),
                    Some(column) if column + 1 < COLUMNS.len() => Some(column + 1),
                    Some(_) => None,
                };
                self.sort();
                let by = self
                    .sorted_by
                    .map_or("appearance", |column| COLUMNS[column].0);
                return Outcome::Say(format!("sorted by {by}"));
            }
            Action::Reverse => {
                self.is_reversed = !self.is_reversed;
                self.sort();
            }
            Action::Open | Action::Scope => {
                let scope = selected.map(Scope::Channel);
                return scope.map_or(Outcome::Done, Outcome::Flow);
            }
            Action::Copy => {
                let cells = self.lines.get(self.cursor.selected);
                let texts =
                    cells.map(|(_, cells)| cells.iter().map(Value::text).collect::<Vec<_>>());
                return texts.map_or(Outcome::Done, |texts| Outcome::Copy(texts.join("\t")));
            }
            _ if self.cursor.act(action, count, self.lines.len()) => {}
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
            let width = COLUMNS[column].1;
            if (start..=start + width).contains(&x) {
                if self.sorted_by == Some(column) {
                    self.is_reversed = !self.is_reversed;
                }
                self.sorted_by = Some(column);
                self.sort();
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
