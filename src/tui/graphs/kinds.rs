//! What the graphs show: figures of each stretch of time.

use std::net::SocketAddr;

use ppspp_dissector::session::{Channel, Side, Time};
use ratatui::style::Style;

use super::super::column::{bytes, duration};
use super::super::theme::Theme;
use crate::index::{Behind, Bucket, Series, Store};

/// LEDBAT's target of the one-way delay, microseconds (RFC 6817, section 2.4.2).
const LEDBAT_TARGET: u64 = 100_000;

/// One graph, ready to be drawn: a value for each column.
pub(super) struct Graph {
    pub(super) title: &'static str,
    pub(super) values: Vec<f64>,
    /// A value in words.
    pub(super) text: fn(f64) -> String,
    pub(super) style: Style,
    /// Where a line is drawn.
    pub(super) target: Option<f64>,
    /// What is to be read under the cursor.
    pub(super) here: String,
    /// Values of each viewer, where it is about those.
    pub(super) viewers: Vec<(SocketAddr, Vec<Option<Behind>>)>,
}

/// Which part of a series is in sight, in how many columns.
pub(super) struct Sight<'s> {
    pub(super) series: &'s Series,
    pub(super) columns: &'s [Bucket],
    /// The first bucket, and how many make a column.
    pub(super) first: usize,
    pub(super) per_column: usize,
    /// The column under the cursor.
    pub(super) cursor: usize,
}

impl Sight<'_> {
    /// Seconds of a column.
    pub(super) fn seconds(&self) -> f64 {
        let nanoseconds = self.series.width().saturating_mul(self.per_column as i64);
        nanoseconds as f64 / 1e9
    }

    /// When a column ends.
    fn end(&self, column: usize) -> Option<Time> {
        let buckets = (self.first + (column + 1) * self.per_column) as i64;
        let end = self.series.width().saturating_mul(buckets) - 1;
        let origin = self.series.origin()?.nanoseconds();
        Some(Time::from_nanoseconds(origin.saturating_add(end)))
    }

    /// One value for each column, and what is told of the one under the cursor.
    fn graph(
        &self,
        title: &'static str,
        style: Style,
        text: fn(f64) -> String,
        value: impl Fn(&Bucket) -> f64,
    ) -> Graph {
        let values: Vec<f64> = self.columns.iter().map(value).collect();
        let here = text(values.get(self.cursor).copied().unwrap_or(0.0));
        Graph {
            title,
            values,
            text,
            style,
            target: None,
            here,
            viewers: Vec::new(),
        }
    }
}

/// All graphs of what is in sight; `channel` where it is one channel's.
pub(super) fn graphs(
    sight: &Sight<'_>,
    theme: &Theme,
    store: &Store,
    channel: Option<&Channel>,
) -> Vec<Graph> {
    let seconds = sight.seconds();
    let rate = |value| format!("{}/s", bytes(value as u64));
    let count = |value| format!("{value:.0}");
    let cursor = sight.columns.get(sight.cursor);
    let mut content = sight.graph(
        "Content a second; of it verified at once",
        theme.good,
        rate,
        |bucket| (bucket.verified_bytes + bucket.other_bytes) as f64 / seconds,
    );
    if let Some(bucket) = cursor {
        let part = rate(bucket.verified_bytes as f64 / seconds);
        content.here = format!("{}; {part}", content.here);
    }
    let delay = sight.graph(
        "One-way delay above its base; the line is LEDBAT's target, 100 ms",
        theme.warning,
        |value| duration((value * 1000.0) as u64),
        |bucket| bucket.delay.unwrap_or(0) as f64,
    );
    let mut graphs = vec![
        content,
        verified(sight, theme),
        sight.graph(
            "Chunks requested and not come",
            theme.unknown,
            count,
            |bucket| bucket.outstanding as f64,
        ),
        Graph {
            target: Some(LEDBAT_TARGET as f64),
            ..delay
        },
        sight.graph(
            "Chunks in flight, about the congestion window: sent, not acknowledged",
            theme.note,
            count,
            |bucket| bucket.flight as f64,
        ),
    ];
    graphs.extend(lag(sight, theme, store, channel));
    graphs.push(
        sight.graph("All bytes a second", theme.message, rate, |bucket| {
            bucket.bytes as f64 / seconds
        }),
    );
    graphs
}

/// Chunks verified so far: those before what is in sight, too.
fn verified(sight: &Sight<'_>, theme: &Theme) -> Graph {
    let before = sight.series.buckets().get(..sight.first);
    let before = before.and_then(Bucket::joined).unwrap_or_default();
    let (mut good, mut bad) = (before.verified, before.failed);
    let mut values = Vec::with_capacity(sight.columns.len());
    let mut here = String::new();
    for (column, bucket) in sight.columns.iter().enumerate() {
        good += bucket.verified;
        bad += bucket.failed;
        values.push(good as f64);
        if column == sight.cursor {
            here = format!("✓ {good}");
            if bad > 0 {
                here = format!("{here}  ✗ {bad}");
            }
        }
    }
    Graph {
        title: "Chunks verified so far",
        values,
        text: |value| format!("{value:.0}"),
        style: theme.good,
        target: None,
        here,
        viewers: Vec::new(),
    }
}

/// How far viewers of live streams are behind their source: the worst one, and each.
fn lag(
    sight: &Sight<'_>,
    theme: &Theme,
    store: &Store,
    channel: Option<&Channel>,
) -> Option<Graph> {
    let is_meant = |viewer: SocketAddr| {
        channel.is_none_or(|channel| {
            [Side::Initiator, Side::Responder]
                .into_iter()
                .any(|side| channel.end(side).address == viewer)
        })
    };
    let mut viewers: Vec<(SocketAddr, Vec<Option<Behind>>)> = Vec::new();
    let mut has_more = false;
    store.with_lags(|lags| {
        for (swarm, lag) in lags {
            if channel.is_some_and(|channel| channel.swarm != *swarm) {
                continue;
            }
            has_more |= lag.has_more;
            let base = viewers.len();
            for column in 0..sight.columns.len() {
                let Some(end) = sight.end(column) else {
                    continue;
                };
                let known = lag.at(end).filter(|(viewer, _)| is_meant(*viewer));
                for (place, (viewer, behind)) in known.enumerate() {
                    if viewers.len() <= base + place {
                        viewers.push((viewer, Vec::with_capacity(sight.columns.len())));
                    }
                    viewers[base + place].1.push(behind);
                }
            }
        }
    });
    if viewers.is_empty() {
        return None;
    }
    let worst = |column: usize| {
        let behind = viewers.iter().filter_map(|(viewer, line)| {
            let behind = line.get(column).copied().flatten()?;
            Some((behind, *viewer))
        });
        behind.max()
    };
    let values = (0..sight.columns.len())
        .map(|column| worst(column).map_or(0.0, |(behind, _)| behind.chunks as f64))
        .collect();
    let here = match worst(sight.cursor) {
        Some((behind, viewer)) => format!("{} {viewer}", in_words(behind)),
        None => "no viewer has anything yet".to_owned(),
    };
    Some(Graph {
        title: if has_more {
            "Lag behind the live source, the worst of the first viewers"
        } else {
            "Lag behind the live source, the worst viewer's"
        },
        values,
        text: |value| format!("{value:.0} chunks"),
        style: theme.peer_two,
        target: None,
        here,
        viewers,
    })
}

/// How far behind, in chunks and time.
pub(super) fn in_words(behind: Behind) -> String {
    let chunks = behind.chunks;
    let unit = if chunks == 1 { "chunk" } else { "chunks" };
    if chunks == 0 {
        return format!("{chunks} {unit}");
    }
    format!("{chunks} {unit}, {}", duration(behind.nanoseconds))
}
