//! One datagram as an arrow between the lines of its peers.

use std::net::SocketAddr;

use ppspp_dissector::session::{Analyzer, Time};
use ppspp_dissector::wire::Message;
use ratatui::style::Style;

use super::super::column::gravest;
use super::super::screen::{Canvas, put_sentence};
use super::super::theme::Theme;
use crate::index::Reader;
use crate::output::sentence_begun;

/// What is drawn of a datagram.
pub(super) struct Arrow {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    pub(super) time: Option<Time>,
    pub(super) text: String,
    pub(super) is_heavy: bool,
    pub(super) finding: Option<(String, ppspp_dissector::finding::Severity)>,
    pub(super) latency: Option<u64>,
    pub(super) chunks: Option<(u64, u64)>,
    pub(super) frame: u64,
}

impl Arrow {
    /// What is drawn of a row.
    pub(super) fn read(reader: &mut Reader, analyzer: &Analyzer, row: usize) -> Option<Self> {
        reader.row(analyzer, row, |item, record| {
            let size = record.layout.chunk_size.or_assumed();
            let data = record
                .messages
                .iter()
                .filter_map(|located| match &located.message {
                    Message::Data { spec, .. } => spec.chunks(size).range(),
                    _ => None,
                });
            let ends = |range: ppspp_dissector::wire::ChunkRange| (range.start(), range.end());
            let chunks = data
                .map(ends)
                .reduce(|(first, last), (start, end)| (first.min(start), last.max(end)));
            Self {
                source: item.datagram.source,
                destination: item.datagram.destination,
                time: item.datagram.time,
                text: sentence_begun(record),
                is_heavy: chunks.is_some(),
                finding: gravest(record).zip(item.row.severity()),
                latency: item.latency,
                chunks,
                frame: item.datagram.frame,
            }
        })
    }
}

/// Where the peers' lines stand.
pub(super) struct Ladder {
    pub(super) peers: Vec<SocketAddr>,
    pub(super) left: u16,
    pub(super) right: u16,
}

impl Ladder {
    pub(super) fn place(&self, peer: SocketAddr) -> Option<u16> {
        let number = self.peers.iter().position(|known| *known == peer)?;
        let gaps = (self.peers.len() as u16).saturating_sub(1).max(1);
        Some(self.left + (self.right - self.left) / gaps * number as u16)
    }

    pub(super) fn draw_lines(&self, canvas: &mut Canvas<'_>, y: u16, theme: &Theme) {
        for peer in &self.peers {
            if let Some(x) = self.place(*peer) {
                canvas.set(x, y, '│', theme.faint);
            }
        }
    }

    pub(super) fn draw_arrow(
        &self,
        canvas: &mut Canvas<'_>,
        y: u16,
        arrow: &Arrow,
        text: &str,
        theme: &Theme,
    ) {
        let (Some(from), Some(to)) = (self.place(arrow.source), self.place(arrow.destination))
        else {
            let text = format!("{} → {}  {text}", arrow.source, arrow.destination);
            let mut part = canvas.part(
                self.left + 2,
                y,
                self.right.saturating_sub(self.left + 2),
                1,
            );
            put_sentence(&mut part, 0, 0, &text, theme);
            return;
        };
        let style = if arrow.is_heavy {
            theme.peer_one
        } else {
            theme.faint
        };
        let line = if arrow.is_heavy { '═' } else { '─' };
        let (low, high) = (from.min(to), from.max(to));
        for x in low + 1..high {
            canvas.set(x, y, line, style);
        }
        canvas.set(from, y, '●', style);
        if from < to {
            canvas.set(to - 1, y, '▶', style);
        } else if to + 1 < from {
            canvas.set(to + 1, y, '◀', style);
        }
        let room = high.saturating_sub(low + 5);
        let mut label = canvas.part(low + 3, y, room, 1);
        let end = label.put(0, 0, " ", theme.text);
        let mut end = put_sentence(&mut label, end, 0, text, theme);
        if let Some((finding, severity)) = &arrow.finding {
            let style: Style = theme.severity(*severity);
            if usize::from(end) + finding.len() + 3 < usize::from(room) {
                end = label.put(end, 0, &format!("  {finding}"), style);
            } else {
                // Where there is no room for its name, the mark must do.
                let x = end.min(room.saturating_sub(2));
                end = label.put(x, 0, " !", style);
            }
        }
        label.put(end, 0, " ", theme.text);
    }
}
