//! The selected line of a list, and what part of the list is in sight.

use super::keys::Action;

/// Where a user is in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    pub(super) selected: usize,
    pub(super) top: usize,
    /// Lines in sight when it was drawn last.
    height: usize,
}

impl Cursor {
    /// Moves; returns whether the action is one that moves. `count` is how often,
    /// or where to.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>, length: usize) -> bool {
        let times = count.unwrap_or(1);
        let page = self.height.max(2) - 1;
        let to = self.selected;
        self.selected = match action {
            Action::Up => to.saturating_sub(times),
            Action::Down => to.saturating_add(times),
            Action::PageUp => to.saturating_sub(page.saturating_mul(times)),
            Action::PageDown => to.saturating_add(page.saturating_mul(times)),
            Action::HalfUp => to.saturating_sub((page / 2).max(1).saturating_mul(times)),
            Action::HalfDown => to.saturating_add((page / 2).max(1).saturating_mul(times)),
            Action::First => count.unwrap_or(1).saturating_sub(1),
            Action::Last => count.unwrap_or(length).saturating_sub(1),
            _ => return false,
        };
        self.clamp(length);
        true
    }

    /// Stays where it is when so many lines before it are no more.
    pub(super) const fn shift(&mut self, lines: usize) {
        self.selected = self.selected.saturating_sub(lines);
        self.top = self.top.saturating_sub(lines);
    }

    fn clamp(&mut self, length: usize) {
        self.selected = self.selected.min(length.saturating_sub(1));
    }

    /// The lines in sight of a list of `length` on `height` lines.
    pub(super) fn window(&mut self, length: usize, height: usize) -> std::ops::Range<usize> {
        self.height = height;
        self.clamp(length);
        if self.selected < self.top {
            self.top = self.selected;
        }
        if self.selected >= self.top + height.max(1) {
            self.top = self.selected + 1 - height.max(1);
        }
        self.top = self.top.min(length.saturating_sub(height));
        self.top..(self.top + height).min(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_selected_line_is_always_in_sight() {
        let mut cursor = Cursor::default();
        for (length, height) in [(100, 10), (5, 10), (0, 3), (7, 1), (7, 0)] {
            for action in [
                Action::Last,
                Action::PageUp,
                Action::HalfDown,
                Action::First,
                Action::PageDown,
                Action::Up,
                Action::Down,
            ] {
                cursor.act(action, None, length);
                let window = cursor.window(length, height);
                assert!(window.end <= length);
                assert!(
                    length == 0 || height == 0 || window.contains(&cursor.selected),
                    "{cursor:?}"
                );
            }
        }
    }

    #[test]
    fn numbers_say_how_often_or_where_to() {
        let mut cursor = Cursor::default();
        cursor.window(100, 10);
        cursor.act(Action::Down, Some(12), 100);
        assert_eq!(cursor.selected, 12);
        cursor.act(Action::Last, Some(25), 100);
        assert_eq!(cursor.selected, 24);
        cursor.act(Action::First, None, 100);
        assert_eq!(cursor.selected, 0);
        cursor.act(Action::Down, Some(usize::MAX), 100);
        assert_eq!(cursor.selected, 99);
    }
}
