//! A datagram's bytes.

use std::ops::Range;

use super::keys::Action;
use super::screen::Canvas;
use super::theme::Theme;
use crate::output::Hex;

/// The bytes, where the user is in them, and which ones are highlighted.
#[derive(Default)]
pub(super) struct HexPane {
    bytes: Vec<u8>,
    /// The byte that the user is at.
    pub(super) at: usize,
    /// The bytes of the selected field.
    pub(super) highlight: Option<Range<usize>>,
    top: usize,
    per_line: usize,
    height: usize,
}

/// Columns of the offset and the gap behind it.
const OFFSET: u16 = 6;

impl HexPane {
    /// How wide the pane is on a screen of a width: 16 bytes to a line, or 8, or
    /// not at all.
    pub(super) const fn width(screen: u16) -> u16 {
        match screen {
            0..72 => 0,
            72..130 => OFFSET + 8 * 3 + 1 + 8,
            _ => OFFSET + 16 * 3 + 2 + 16,
        }
    }

    /// Shows bytes; `new` ones from their beginning.
    pub(super) fn load(&mut self, bytes: &[u8], new: bool) {
        self.bytes.clear();
        self.bytes.extend_from_slice(bytes);
        if new {
            self.at = 0;
            self.top = 0;
        }
    }

    /// Brings the highlighted bytes into sight.
    pub(super) fn reveal(&mut self) {
        if let Some(range) = &self.highlight {
            self.at = range.start.min(self.bytes.len().saturating_sub(1));
        }
    }

    /// The highlighted bytes, or all, as digits.
    pub(super) fn digits(&self) -> String {
        let range = self.highlight.clone().unwrap_or(0..self.bytes.len());
        let end = range.end.min(self.bytes.len());
        Hex(self
            .bytes
            .get(range.start.min(end)..end)
            .unwrap_or_default())
        .to_string()
    }

    /// Moves; returns whether the action is one that moves.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>) -> bool {
        let times = count.unwrap_or(1);
        let line = self.per_line.max(1);
        let page = line * self.height.max(2);
        self.at = match action {
            Action::Left => self.at.saturating_sub(times),
            Action::Right => self.at.saturating_add(times),
            Action::Up => self.at.saturating_sub(line.saturating_mul(times)),
            Action::Down => self.at.saturating_add(line.saturating_mul(times)),
            Action::PageUp | Action::HalfUp => self.at.saturating_sub(page),
            Action::PageDown | Action::HalfDown => self.at.saturating_add(page),
            Action::First => count.unwrap_or(0),
            Action::Last => count.unwrap_or(usize::MAX),
            _ => return false,
        }
        .min(self.bytes.len().saturating_sub(1));
        true
    }

    /// Selects the byte at a place of the pane; returns whether there is one.
    pub(super) fn click(&mut self, x: u16, y: u16) -> bool {
        let column = x.saturating_sub(OFFSET) / 3;
        let at = (self.top + usize::from(y)) * self.per_line + usize::from(column);
        let is_there = usize::from(column) < self.per_line && at < self.bytes.len();
        if is_there {
            self.at = at;
        }
        is_there
    }

    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, theme: &Theme, is_focused: bool) {
        self.per_line = match canvas.width() {
            0..39 => return,
            39..72 => 8,
            _ => 16,
        };
        self.height = canvas.height().into();
        let line = self.at / self.per_line;
        if line < self.top {
            self.top = line;
        }
        if line >= self.top + self.height.max(1) {
            self.top = line + 1 - self.height.max(1);
        }
        let gap = u16::from(self.per_line == 16);
        let characters = OFFSET + self.per_line as u16 * 3 + 1 + gap;
        let rows = self.bytes.chunks(self.per_line).enumerate().skip(self.top);
        for (y, (number, row)) in (0..canvas.height()).zip(rows) {
            let offset = number * self.per_line;
            canvas.put(0, y, &format!("{offset:04x}"), theme.faint);
            for (column, byte) in row.iter().enumerate() {
                let at = offset + column;
                let is_high = self
                    .highlight
                    .as_ref()
                    .is_some_and(|range| range.contains(&at));
                let mut style = if is_high { theme.bytes } else { theme.text };
                if is_focused && at == self.at {
                    style = theme.selected;
                }
                let x = OFFSET + column as u16 * 3 + if column >= 8 { gap } else { 0 };
                let end = canvas.put(x, y, &format!("{byte:02x}"), style);
                // The gap belongs to what it joins.
                let joins = self
                    .highlight
                    .as_ref()
                    .is_some_and(|range| range.contains(&(at + 1)));
                if is_high && joins && column + 1 < row.len() {
                    canvas.put(end, y, " ", theme.bytes);
                }
                let character = match byte {
                    0x20..=0x7e => char::from(*byte),
                    _ => '.',
                };
                canvas.set(characters + column as u16, y, character, style);
            }
        }
    }
}
