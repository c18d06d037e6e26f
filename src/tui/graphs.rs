//! Graphs: rates, requests outstanding, flight and delay over time.

use std::time::Duration;

use super::column::{bytes, duration};
use super::keys::Action;
use super::screen::Canvas;
use super::theme::Theme;
use super::view::{Common, Outcome, View};
use crate::index::{Bucket, ChannelSeries, Row, Series};

/// LEDBAT's target of the one-way delay, microseconds (RFC 6817, section 2.4.2).
const LEDBAT_TARGET: u64 = 100_000;

/// How long scanning may keep a key waiting.
const SLICE: Duration = Duration::from_millis(6);

/// Columns of the screen for the scale.
const SCALE: u16 = 11;

const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The graphs and the cursor on them.
#[derive(Default)]
pub(super) struct Graphs {
    /// Which part of the width, from 0 to 1, the cursor is at.
    column: usize,
    columns: usize,
    /// The part of the series that is in sight: first bucket, and how many.
    zoom: Option<(usize, usize)>,
    one: Option<ChannelSeries>,
}

/// What a graph shows.
struct Kind {
    title: &'static str,
    value: fn(&Bucket, f64) -> f64,
    text: fn(f64) -> String,
    style: fn(&Theme) -> ratatui::style::Style,
    target: Option<f64>,
    /// A part of the value that is told, too.
    part: Option<fn(&Bucket, f64) -> f64>,
}

const KINDS: [Kind; 5] = [
    Kind {
        title: "Content a second; of it verified at once",
        value: |bucket, seconds| (bucket.verified_bytes + bucket.other_bytes) as f64 / seconds,
        text: |value| format!("{}/s", bytes(value as u64)),
        style: |theme| theme.good,
        target: None,
        part: Some(|bucket, seconds| bucket.verified_bytes as f64 / seconds),
    },
    Kind {
        title: "All bytes a second",
        value: |bucket, seconds| bucket.bytes as f64 / seconds,
        text: |value| format!("{}/s", bytes(value as u64)),
        style: |theme| theme.message,
        target: None,
        part: None,
    },
    Kind {
        title: "Chunks requested and not come",
        value: |bucket, _| bucket.outstanding as f64,
        text: |value| format!("{value:.0}"),
        style: |theme| theme.unknown,
        target: None,
        part: None,
    },
    Kind {
        title: "Chunks sent and not acknowledged (estimated flight)",
        value: |bucket, _| bucket.flight as f64,
        text: |value| format!("{value:.0}"),
        style: |theme| theme.note,
        target: None,
        part: None,
    },
    Kind {
        title: "One-way delay above its base; the line is LEDBAT's target, 100 ms",
        value: |bucket, _| bucket.delay.unwrap_or(0) as f64,
        text: |value| duration((value * 1000.0) as u64),
        style: |theme| theme.warning,
        target: Some(LEDBAT_TARGET as f64),
        part: None,
    },
];

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
            canvas.put(1, 0, "Nothing to draw so far.", theme.faint);
            return;
        }
        let nanoseconds = series.width().saturating_mul(per_column as i64);
        let seconds = nanoseconds as f64 / 1e9;
        let first = self.zoom.map_or(0, |(first, _)| first);
        let at = (first + self.column * per_column) as f64 * series.width() as f64 / 1e9;
        let of = match &self.one {
            Some(one) => match common.store.analyzer().channel(one.channel()) {
                Some(channel) => {
                    use ppspp_dissector::session::Side;
                    format!(
                        "{} and {}",
                        channel.end(Side::Initiator).address,
                        channel.end(Side::Responder).address
                    )
                }
                None => "one channel".to_owned(),
            },
            None => "all channels".to_owned(),
        };
        let step = duration(nanoseconds.unsigned_abs());
        let head = format!(" {of} (c changes)   a column = {step} (+ -)   at {at:.4} s");
        canvas.put(0, 0, &head, theme.heading);
        // As many graphs as have three lines each.
        let height = canvas.height().saturating_sub(1);
        let count = (usize::from(height) / 3).clamp(1, KINDS.len());
        let each = height / count as u16;
        for (number, kind) in KINDS.iter().take(count).enumerate() {
            let y = 1 + number as u16 * each;
            let extra = if number + 1 == count {
                height - each * count as u16
            } else {
                0
            };
            let mut part = canvas.part(0, y, canvas.width(), each + extra);
            draw_graph(&mut part, theme, kind, &shown, seconds, self.column);
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
                return row.map_or(Outcome::Done, |row| Outcome::Show(row));
            }
            Action::Scope => {
                self.zoom = None;
                let channel = common.store.get(common.row).and_then(Row::channel);
                self.one = match (&self.one, channel) {
                    (None, Some((channel, _))) => Some(ChannelSeries::new(&common.store, channel)),
                    _ => None,
                };
            }
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

fn draw_graph(
    canvas: &mut Canvas<'_>,
    theme: &Theme,
    kind: &Kind,
    shown: &[Bucket],
    seconds: f64,
    cursor: usize,
) {
    let values: Vec<f64> = shown
        .iter()
        .map(|bucket| (kind.value)(bucket, seconds))
        .collect();
    let highest = values.iter().copied().fold(0.0, f64::max);
    let highest = highest.max(if highest > 0.0 { 0.0 } else { 1.0 });
    let style = (kind.style)(theme);
    let here = values.get(cursor).copied().unwrap_or(0.0);
    let end = canvas.put(SCALE + 1, 0, kind.title, theme.faint);
    let mut here = (kind.text)(here);
    if let (Some(part), Some(bucket)) = (kind.part, shown.get(cursor)) {
        here = format!("{here}; {}", (kind.text)(part(bucket, seconds)));
    }
    canvas.put(end + 2, 0, &here, theme.heading);
    let height = canvas.height().saturating_sub(1);
    if height == 0 {
        return;
    }
    canvas.put_right(SCALE, 1, &(kind.text)(highest), theme.faint);
    if let Some(target) = kind.target.filter(|target| *target < highest) {
        let up = (target / highest * f64::from(height)) as u16;
        for x in 0..shown.len() as u16 {
            canvas.set(SCALE + 1 + x, height - up.min(height - 1), '┄', theme.bad);
        }
    }
    for (x, value) in (SCALE + 1..).zip(&values) {
        let eighths = (value / highest * f64::from(height) * 8.0).round() as u16;
        for line in 0..height {
            let filled = eighths.saturating_sub(line * 8).min(8);
            if filled > 0 {
                canvas.set(x, height - line, STEPS[usize::from(filled)], style);
            }
        }
        if usize::from(x - SCALE - 1) == cursor {
            canvas.set(
                x,
                height,
                if eighths == 0 { '▏' } else { '█' },
                theme.selected,
            );
            for line in 0..height {
                canvas.tint(x, 1 + line, 1, theme.selected);
            }
        }
    }
}
