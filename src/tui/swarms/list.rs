//! The list of swarms.

use ppspp_dissector::session::Swarm;

use super::super::column::bytes;
use super::super::list::Cursor;
use super::super::screen::Canvas;
use super::super::view::Common;
use crate::output::Hex;

/// Facts that stand in a line: kind, method, function, addressing, chunk size.
pub(super) fn facts(swarm: &Swarm) -> String {
    let mark = |inferred| if inferred { " (inferred)" } else { "" };
    let mut facts = vec![
        if swarm.is_live() {
            "live"
        } else if swarm.is_static() {
            "static"
        } else {
            "?"
        }
        .to_owned(),
    ];
    if let Some(method) = swarm.content_integrity {
        facts.push(method.to_string());
    }
    if let Some(function) = swarm.hash_function {
        facts.push(format!("{}{}", function.value, mark(function.inferred)));
    }
    if let Some(addressing) = swarm.chunk_addressing {
        facts.push(format!("{}{}", addressing.value, mark(addressing.inferred)));
    }
    if let Some(size) = swarm.chunk_size() {
        facts.push(format!("{} bytes{}", size.value, mark(size.inferred)));
    }
    facts.push(swarm.dialect.name.to_owned());
    facts.join(" · ")
}

/// A swarm's line in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Figures {
    /// Chunks of the content where that is known, else those that were seen.
    pub(in super::super) chunks: u64,
    pub(in super::super) verified: u64,
    pub(in super::super) failed: u64,
    /// Seen, without a verdict.
    pub(in super::super) open: u64,
    pub(in super::super) unprotected: u64,
    pub(in super::super) peers: usize,
    pub(in super::super) length: Option<u64>,
}

impl Figures {
    pub(in super::super) fn of(swarm: &Swarm) -> Self {
        let seen = swarm.seen.len();
        let peers = swarm.peers().count();
        let Some(found) = &swarm.verification else {
            return Self {
                chunks: seen,
                open: seen,
                peers,
                ..Self::default()
            };
        };
        let size = swarm.chunk_size().map(|size| size.value);
        Self {
            chunks: found.size().unwrap_or(seen),
            verified: found.verified().len(),
            failed: found.failed().len(),
            open: seen.saturating_sub(found.judged()),
            unprotected: found.unprotected().len(),
            peers,
            length: found.content_length(size),
        }
    }
}

/// Draws the list.
pub(super) fn draw(canvas: &mut Canvas<'_>, common: &Common, cursor: &mut Cursor) {
    let theme = &common.settings.theme;
    let analyzer = common.store.analyzer();
    let count = analyzer.numbered_swarms().count();
    let heading = "Swarm       Chunks ✓verified  ✗failed      ?      · Peers Length";
    canvas.put(1, 0, heading, theme.heading);
    if count == 0 {
        let text = if common.store.status().done {
            "No swarm here: no PPSPP handshake or chunk was seen."
        } else {
            "No swarm so far."
        };
        canvas.put(1, 1, text, theme.faint);
        return;
    }
    let height = canvas.height().saturating_sub(1);
    let window = cursor.window(count, height.into());
    let in_sight = analyzer.numbered_swarms().skip(window.start);
    for ((y, line), (_, swarm)) in (1..).zip(window).zip(in_sight) {
        let id = swarm.id.as_deref().unwrap_or_default();
        let name = if id.is_empty() {
            "not named".to_owned()
        } else {
            Hex(id.get(..4).unwrap_or(id)).to_string() + "…"
        };
        canvas.put(1, y, &name, theme.swarm);
        let figures = Figures::of(swarm);
        let style_of = |count, style| if count > 0 { style } else { theme.faint };
        for (end, count, style) in [
            (19, figures.chunks, theme.text),
            (29, figures.verified, style_of(figures.verified, theme.good)),
            (38, figures.failed, style_of(figures.failed, theme.bad)),
            (45, figures.open, style_of(figures.open, theme.unknown)),
            (
                52,
                figures.unprotected,
                style_of(figures.unprotected, theme.plain),
            ),
            (58, figures.peers as u64, theme.text),
        ] {
            canvas.put_right(end, y, &count.to_string(), style);
        }
        let length = figures.length.map_or_else(|| "–".to_owned(), bytes);
        let x = canvas.put(59, y, &length, theme.text);
        canvas.put(x.max(66) + 1, y, &facts(swarm), theme.faint);
        if line == cursor.selected {
            canvas.fill(y, theme.selected);
            canvas.put(0, y, ">", theme.selected);
        }
    }
}
