//! The selected datagram's fields and bytes, beside the ladder or below it.

use super::super::hex::HexPane;
use super::super::keys::Action;
use super::super::screen::Canvas;
use super::super::tree::TreePane;
use super::super::view::{Common, Outcome};

/// From this width on there is room beside the ladder.
const WIDE: u16 = 140;

/// The preview, and whether it takes the keys.
#[derive(Default)]
pub(super) struct Preview {
    tree: TreePane,
    hex: HexPane,
    /// The row that it shows, by what was known after so many changes.
    loaded: Option<(usize, u64)>,
    pub(super) is_focused: bool,
    is_wide: bool,
}

impl Preview {
    /// How much of a canvas it takes: columns at the right, or lines at the bottom.
    /// On a narrow screen it is there when it takes the keys.
    pub(super) fn room(&mut self, width: u16, height: u16) -> (u16, u16) {
        self.is_wide = width >= WIDE;
        if self.is_wide {
            (width * 2 / 5, 0)
        } else if self.is_focused && height >= 8 {
            (0, height / 2)
        } else {
            (0, 0)
        }
    }

    /// Shows a row.
    fn load(&mut self, common: &mut Common, row: usize) {
        let now = (row, common.store.changes());
        if self.loaded == Some(now) {
            return;
        }
        let is_new = self.loaded.is_none_or(|(before, _)| before != row);
        let analyzer = common.store.analyzer();
        common.reader.row(&analyzer, row, |item, record| {
            self.tree.load(item, record, is_new);
            self.hex.load(item.datagram.payload, is_new);
        });
        self.hex.highlight = self.tree.selected_bytes();
        self.loaded = Some(now);
    }

    /// Draws it: on a wide screen one above the other, else beside each other.
    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common, row: usize) {
        self.load(common, row);
        let theme = &common.settings.theme;
        let (width, height) = (canvas.width(), canvas.height());
        if self.is_wide {
            let lines = (height * 2 / 5).min(24);
            let above = height.saturating_sub(lines + 1);
            let mut part = canvas.part(0, 0, width, above);
            self.tree.draw(&mut part, theme, self.is_focused);
            canvas.rule(above, "Bytes", theme, false);
            let mut part = canvas.part(0, above + 1, width, lines);
            self.hex.draw(&mut part, theme, false);
            return;
        }
        canvas.rule(0, "Datagram", theme, self.is_focused);
        let digits = HexPane::width(width);
        let left = width.saturating_sub(digits + 1);
        let mut part = canvas.part(0, 1, left, height.saturating_sub(1));
        self.tree.draw(&mut part, theme, self.is_focused);
        let mut part = canvas.part(left + 1, 1, digits, height.saturating_sub(1));
        self.hex.draw(&mut part, theme, false);
    }

    /// Does what a key asks for; `None` where it means nothing here.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>) -> Option<Outcome> {
        match action {
            Action::NextPane | Action::PreviousPane => self.is_focused = !self.is_focused,
            _ if !self.is_focused => return None,
            Action::Back => self.is_focused = false,
            Action::Copy => return Some(self.tree.text().map_or(Outcome::Done, Outcome::Copy)),
            _ if self.tree.act(action, count) => {
                self.hex.highlight = self.tree.selected_bytes();
                self.hex.reveal();
            }
            _ => return None,
        }
        Some(Outcome::Done)
    }
}
