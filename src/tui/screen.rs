//! Drawing: lines of styled text into a part of the screen, whatever its size.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::theme::{Marks, Theme};

/// A part of the screen that can be drawn on. What does not fit is left out.
pub(super) struct Canvas<'b> {
    buffer: &'b mut Buffer,
    pub(super) area: Rect,
    pub(super) marks: Marks,
}

impl<'b> Canvas<'b> {
    /// The part `area` of the screen.
    pub(super) fn new(buffer: &'b mut Buffer, area: Rect, marks: Marks) -> Self {
        let area = area.intersection(*buffer.area());
        Self {
            buffer,
            area,
            marks,
        }
    }

    /// A part of this one, by its place within.
    pub(super) fn part(&mut self, x: u16, y: u16, width: u16, height: u16) -> Canvas<'_> {
        let part = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width,
            height,
        };
        Canvas {
            area: part.intersection(self.area),
            buffer: self.buffer,
            marks: self.marks,
        }
    }

    pub(super) const fn width(&self) -> u16 {
        self.area.width
    }

    pub(super) const fn height(&self) -> u16 {
        self.area.height
    }

    /// Writes text from column `x` of line `y` on; returns the column behind it.
    pub(super) fn put(&mut self, x: u16, y: u16, text: &str, style: Style) -> u16 {
        if y >= self.area.height || x >= self.area.width {
            return x;
        }
        let text = self.marks.text(text);
        let room = usize::from(self.area.width - x);
        let (end, _) = self
            .buffer
            .set_stringn(self.area.x + x, self.area.y + y, text, room, style);
        end - self.area.x
    }

    /// Writes text that ends in column `end`, which is not part of it.
    pub(super) fn put_right(&mut self, end: u16, y: u16, text: &str, style: Style) {
        let width = unicode_width::UnicodeWidthStr::width(text) as u16;
        if width <= end {
            self.put(end - width, y, text, style);
        }
    }

    /// Writes one character.
    pub(super) fn set(&mut self, x: u16, y: u16, character: char, style: Style) {
        if x < self.area.width
            && y < self.area.height
            && let Some(cell) = self.buffer.cell_mut((self.area.x + x, self.area.y + y))
        {
            cell.set_char(self.marks.character(character))
                .set_style(style);
        }
    }

    /// Styles a part of a line that is written already.
    pub(super) fn tint(&mut self, x: u16, y: u16, width: u16, style: Style) {
        let part = Rect {
            x: self.area.x.saturating_add(x),
            y: self.area.y.saturating_add(y),
            width,
            height: 1,
        };
        self.buffer.set_style(part.intersection(self.area), style);
    }

    /// Fills the rest of a line with blanks in a style.
    pub(super) fn fill(&mut self, y: u16, style: Style) {
        self.tint(0, y, self.area.width, style);
    }

    /// Draws a line with a title in it.
    pub(super) fn rule(&mut self, y: u16, title: &str, theme: &Theme, is_focused: bool) {
        for x in 0..self.area.width {
            self.set(x, y, '─', theme.faint);
        }
        let style = if is_focused {
            theme.heading
        } else {
            theme.faint
        };
        if !title.is_empty() {
            self.put(1, y, &format!(" {title} "), style);
        }
    }
}

/// An address that is too long loses its beginning, which tells least.
pub(super) fn put_address(cell: &mut Canvas<'_>, text: &str, style: Style) {
    let width = usize::from(cell.width());
    let length = text.chars().count();
    if length <= width {
        cell.put(0, 0, text, style);
    } else {
        let rest: String = text.chars().skip(length + 1 - width).collect();
        cell.put(0, 0, &format!("…{rest}"), style);
    }
}

/// A sentence of messages: names in their colour, and whatever bears a mark in
/// that of its verdict.
pub(super) fn put_sentence(
    canvas: &mut Canvas<'_>,
    mut x: u16,
    y: u16,
    sentence: &str,
    theme: &Theme,
) -> u16 {
    let mut is_first = true;
    for word in sentence.split(' ') {
        if !is_first {
            x = canvas.put(x, y, " ", theme.text);
        }
        is_first = false;
        let is_name = word.len() > 2
            && word
                .chars()
                .all(|c| c.is_ascii_uppercase() || matches!(c, '_' | 'v' | '4' | '6'));
        let style = match word.chars().last() {
            _ if is_name => theme.message,
            Some('✓') => theme.good,
            Some('✗') => theme.bad,
            Some('?') => theme.unknown,
            Some('·') => theme.plain,
            _ => theme.text,
        };
        x = canvas.put(x, y, word, style);
    }
    x
}
