//! Graphs: rates, requests outstanding, flight, delay and lag over time.

mod draw;
mod kinds;

use std::time::Duration;

use self::draw::{SCALE, draw_graph, draw_viewers};
use self::kinds::{Sight, graphs};
use super::column::duration;
use super::keys::Action;
use super::screen::Canvas;
use super::view::{Common, Outcome, View};
use crate::index::{Bucket, ChannelSeries, Row, Series};

/// How long scanning may keep a key waiting.
const SLICE: Duration = Duration::from_millis(3);

/// Lines of a graph, at least.
const LEAST: u16 = 3;

/// The graphs and the cursor on them.
#[derive(Default)]
pub(super) struct Graphs {
    /// Which part of the width, from 0 to 1, the cursor is at.
    column: usize,
    columns: usize,
    /// The part of the series that is in sight: first bucket, and how many.
    zoom: Option<(usize, usize)>,
    one: Option<ChannelSeries>,
    /// The selected graph, and the first one in sight.
    selected: usize,
    top: usize,
    /// Whether the selected one has the whole window.
    is_alone: bool,
}

impl Graphs {
    fn series(&self, common: &Common) -> Series {
        match &self.one {
            Some(one) => one.series().clone(),
            None => common.store.series(),
        }
    }

    /// The buckets in sight, and of how many a column is made.
    fn in_sight<'s>(&self, series: &'s Series) -> &'s [Bucket] {
        let all = series.buckets();
        match self.zoom {
            Some((first, count)) => {
                let first = first.min(all.len().saturating_sub(1));
                let end = (first + count).min(all.len());
                all.get(first..end).unwrap_or_default()
            }
            None => all,
        }
    }
}

/// Buckets as so many columns, or fewer.
fn columns(buckets: &[Bucket], most: usize) -> (Vec<Bucket>, usize) {
    let per_column = buckets.len().div_ceil(most.max(1)).max(1);
    let columns = buckets
        .chunks(per_column)
        .filter_map(Bucket::joined)
        .collect();
    (columns, per_column)
}

impl View for Graphs {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        let series = self.series(common);
        let theme = &common.settings.theme;
        let room = usize::from(canvas.width().saturating_sub(SCALE + 1));
        let sight = self.in_sight(&series);
        let (shown, per_column) = columns(sight, room);
        self.columns = shown.len();
        self.column = self.column.min(shown.len().saturating_sub(1));
        if shown.is_empty() {
            let text = if common.store.status().done {
                "Nothing to draw: no PPSPP datagram with a time."
            } else {
                "Nothing to draw so far."
            };
            canvas.put(1, 0, text, theme.faint);
            return;
        }
        let first = self.zoom.map_or(0, |(first, _)| first);
        let at = (first + self.column * per_column) as f64 * series.width() as f64 / 1e9;
        let analyzer = common.store.analyzer();
        let channel = self.one.as_ref();
        let channel = channel.and_then(|one| {
            let lasting = analyzer.lasting_channel(one.channel());
            analyzer.channel(lasting)
        });
        let of = match channel {
            Some(channel) => {
                use ppspp_dissector::session::Side;
                format!(
                    "{} and {}",
                    channel.end(Side::Initiator).address,
                    channel.end(Side::Responder).address
                )
            }
            None => "all channels".to_owned(),
        };
        let sight = Sight {
            series: &series,
            columns: &shown,
            first,
            per_column,
            cursor: self.column,
        };
        let step = duration((sight.seconds() * 1e9) as u64);
        let head = format!(" {of} (c changes)   a column = {step} (+ -)   at {at:.4} s");
        canvas.put(0, 0, &head, theme.heading);
        let graphs = graphs(&sight, theme, &common.store, channel);
        self.selected = self.selected.min(graphs.len().saturating_sub(1));
        let (width, height) = (canvas.width(), canvas.height().saturating_sub(1));
        if self.is_alone
            && let Some(graph) = graphs.get(self.selected)
        {
            let viewers = (2 * graph.viewers.len()) as u16;
            let below = viewers.min(height * 2 / 3);
            let mut part = canvas.part(0, 1, width, height - below);
            draw_graph(&mut part, theme, graph, self.column, "");
            let mut part = canvas.part(0, 1 + height - below, width, below);
            draw_viewers(&mut part, theme, graph, self.column);
            return;
        }
        // As many graphs as have three lines each.
        let count = usize::from(height / LEAST).clamp(1, graphs.len());
        self.top = self
            .top
            .clamp((self.selected + 1).saturating_sub(count), self.selected)
            .min(graphs.len() - count);
        let each = height / count as u16;
        let in_sight = graphs.iter().enumerate().skip(self.top).take(count);
        for (place, (number, graph)) in in_sight.enumerate() {
            let y = 1 + place as u16 * each;
            let extra = if place + 1 == count {
                height - each * count as u16
            } else {
                0
            };
            let mut part = canvas.part(0, y, width, each + extra);
            let mark = if number == self.selected { ">" } else { "" };
            draw_graph(&mut part, theme, graph, self.column, mark);
        }
        let below = graphs.len() - count - self.top;
        if below > 0 {
            let text = format!(" ↓ {below} more ");
            canvas.put_right(width, 0, &text, theme.faint);
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        let times = count.unwrap_or(1);
        let last = self.columns.saturating_sub(1);
        match action {
            Action::Left => self.column = self.column.saturating_sub(times),
            Action::Right => self.column = (self.column + times).min(last),
            Action::PageUp | Action::HalfUp => self.column = self.column.saturating_sub(10),
            Action::PageDown | Action::HalfDown => self.column = (self.column + 10).min(last),
            Action::Up => self.selected = self.selected.saturating_sub(times),
            Action::Down => self.selected = self.selected.saturating_add(times),
            Action::NextPane | Action::PreviousPane => self.is_alone = !self.is_alone,
            Action::First => self.column = 0,
            Action::Last => self.column = last,
            Action::Grow | Action::Shrink => {
                let series = self.series(common);
                let all = series.buckets().len();
                let (first, shown) = self.zoom.unwrap_or((0, all));
                let per_column = shown.div_ceil(self.columns.max(1)).max(1);
                let here = first + self.column * per_column;
                let wanted = if action == Action::Grow {
                    (shown / 2).max(8)
                } else {
                    shown.saturating_mul(2)
                };
                self.zoom = (wanted < all).then(|| {
                    let first = here.saturating_sub(wanted / 2).min(all - wanted);
                    (first, wanted)
                });
                let first = self.zoom.map_or(0, |(first, _)| first);
                let shown = self.zoom.map_or(all, |(_, shown)| shown);
                let per_column = shown.div_ceil(self.columns.max(1)).max(1);
                self.column = here.saturating_sub(first) / per_column;
            }
            Action::Open => {
                let series = self.series(common);
                let sight = self.in_sight(&series);
                let per_column = sight.len().div_ceil(self.columns.max(1)).max(1);
                let from = self.column * per_column;
                let row = sight.iter().skip(from).find_map(|bucket| bucket.first_row);
                return row.map_or(Outcome::Done, Outcome::Show);
            }
            Action::Scope => {
                self.zoom = None;
                let channel = common.store.get(common.row).and_then(Row::channel);
                self.one = match (&self.one, channel) {
                    (None, Some((channel, _))) => Some(ChannelSeries::new(&common.store, channel)),
                    _ => None,
                };
            }
            Action::Back if self.is_alone => self.is_alone = false,
            Action::Back if self.one.is_some() => {
                self.one = None;
                self.zoom = None;
            }
            _ => return Outcome::Ignored,
        }
        Outcome::Done
    }

    fn click(&mut self, x: u16, _y: u16, _common: &mut Common) -> Outcome {
        if x > SCALE {
            self.column = usize::from(x - SCALE - 1).min(self.columns.saturating_sub(1));
        }
        Outcome::Done
    }

    fn help(&self) -> &'static [(Action, &'static str)] {
        &[
            (Action::Right, "move the cursor, which reads values"),
            (Action::Down, "next graph"),
            (
                Action::NextPane,
                "the selected graph alone; of the lag, each viewer",
            ),
            (Action::Grow, "zoom in around the cursor"),
            (Action::Shrink, "zoom out"),
            (
                Action::Open,
                "show the datagram under the cursor in Packets",
            ),
            (
                Action::Scope,
                "the channel of the selected datagram, or all",
            ),
        ]
    }

    fn work(&mut self, common: &mut Common) -> bool {
        match &mut self.one {
            Some(one) => one.advance(&common.store, SLICE),
            None => false,
        }
    }
}
