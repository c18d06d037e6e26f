//! The tree of a datagram's fields.

use std::collections::BTreeSet;
use std::ops::Range;

use ppspp_dissector::session::Record;
use ratatui::style::Style;

use super::keys::Action;
use super::list::Cursor;
use super::screen::Canvas;
use super::theme::{Marks, Theme};
use crate::index::{Item, Worst};
use crate::output::{Node, NodeKind, tree};

/// Columns that → and ← scroll where there is nothing to fold.
const SHIFT: usize = 8;

/// Messages of a datagram up to which all are unfolded.
const MOST_UNFOLDED: usize = 3;

/// The tree, where the user is in it, and what is folded.
#[derive(Default)]
pub(super) struct TreePane {
    nodes: Vec<Node>,
    folded: BTreeSet<usize>,
    cursor: Cursor,
    /// Columns that were scrolled off at the left.
    shift: usize,
}

impl TreePane {
    /// Shows a datagram; a `new` one from its beginning.
    pub(super) fn load(&mut self, item: &Item<'_>, record: &Record<'_, '_>, new: bool) {
        self.nodes = tree(&item.datagram, record, item.frame.comment);
        if !new {
            return;
        }
        self.cursor = Cursor::default();
        self.shift = 0;
        self.folded.clear();
        let messages = self.nodes.iter().enumerate();
        let messages = messages.filter(|(_, node)| node.kind == NodeKind::Message);
        if messages.clone().count() > MOST_UNFOLDED {
            let dull = messages.filter(|(_, node)| node.text != "DATA" && node.text != "HANDSHAKE");
            self.folded = dull.map(|(number, _)| number).collect();
        }
    }

    /// Numbers of the nodes that are in no folded message.
    fn visible(&self) -> Vec<usize> {
        let mut is_folded = false;
        let mut visible = Vec::new();
        for (number, node) in self.nodes.iter().enumerate() {
            if node.depth <= 1 {
                is_folded = self.folded.contains(&number);
                visible.push(number);
            } else if !is_folded {
                visible.push(number);
            }
        }
        visible
    }

    fn selected(&self) -> Option<usize> {
        self.visible().get(self.cursor.selected).copied()
    }

    /// The bytes of the selected field.
    pub(super) fn selected_bytes(&self) -> Option<Range<usize>> {
        self.nodes.get(self.selected()?)?.bytes.clone()
    }

    /// The selected line.
    pub(super) fn text(&self) -> Option<String> {
        let node = self.nodes.get(self.selected()?)?;
        Some(format!("{}{}", node.text, node.rest))
    }

    /// All lines.
    pub(super) fn all(&self) -> String {
        let line = |node: &Node| format!("{}{}{}\n", "  ".repeat(node.depth), node.text, node.rest);
        self.nodes.iter().map(line).collect()
    }

    /// Selects the innermost field that holds a byte.
    pub(super) fn select_byte(&mut self, byte: usize) {
        let holds = |node: &Node| {
            node.bytes
                .as_ref()
                .is_some_and(|bytes| bytes.contains(&byte))
        };
        let fields = self.nodes.iter().enumerate();
        let innermost = fields
            .filter(|(_, node)| holds(node) && !matches!(node.kind, NodeKind::Verdict(_)))
            .filter(|(_, node)| !matches!(node.kind, NodeKind::Finding(_)))
            .max_by_key(|(number, node)| (node.depth, std::cmp::Reverse(*number)));
        let Some((number, _)) = innermost else {
            return;
        };
        if let Some(message) = self.message_of(number) {
            self.folded.remove(&message);
        }
        let line = self.visible().iter().position(|shown| *shown == number);
        self.cursor.selected = line.unwrap_or(self.cursor.selected);
    }

    /// The message that a line belongs to.
    fn message_of(&self, number: usize) -> Option<usize> {
        (0..=number)
            .rev()
            .find(|place| self.nodes.get(*place).is_some_and(|node| node.depth <= 1))
    }

    fn is_foldable(&self, number: usize) -> bool {
        self.nodes.get(number).is_some_and(|node| node.depth == 1)
            && self
                .nodes
                .get(number + 1)
                .is_some_and(|node| node.depth > 1)
    }

    /// Moves and folds; returns whether the action means something here.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>) -> bool {
        let visible = self.visible();
        let selected = visible.get(self.cursor.selected).copied();
        match (action, selected) {
            (Action::Open, Some(number)) if self.is_foldable(number) => {
                if !self.folded.remove(&number) {
                    self.folded.insert(number);
                }
            }
            (Action::Right, Some(number)) => {
                if !self.folded.remove(&number) {
                    self.shift = (self.shift + SHIFT).min(4096);
                }
            }
            (Action::Left, _) if self.shift > 0 => self.shift -= SHIFT.min(self.shift),
            (Action::Left, Some(number)) => {
                if let Some(message) = self.message_of(number)
                    && self.is_foldable(message)
                {
                    self.folded.insert(message);
                    let line = self.visible().iter().position(|shown| *shown == message);
                    self.cursor.selected = line.unwrap_or(0);
                }
            }
            _ => return self.cursor.act(action, count, visible.len()),
        }
        true
    }

    /// Selects a line of the pane.
    pub(super) fn click(&mut self, y: u16) {
        let line = self.cursor.top + usize::from(y);
        let visible = self.visible();
        let Some(number) = visible.get(line).copied() else {
            return;
        };
        if line == self.cursor.selected && self.is_foldable(number) && !self.folded.remove(&number)
        {
            self.folded.insert(number);
        }
        self.cursor.selected = line;
    }

    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, theme: &Theme, is_focused: bool) {
        let visible = self.visible();
        let window = self.cursor.window(visible.len(), canvas.height().into());
        for (y, line) in (0..).zip(window) {
            let Some(node) = visible.get(line).and_then(|number| self.nodes.get(*number)) else {
                break;
            };
            let number = visible[line];
            let sign = match (self.is_foldable(number), self.folded.contains(&number)) {
                (true, true) => "▸ ",
                (true, false) => "▾ ",
                _ => "  ",
            };
            let parts = self.parts(node, number, canvas.marks, theme);
            let indent = " ".repeat(node.depth.saturating_sub(1) * 2);
            let sign = if node.depth == 0 { "" } else { sign };
            let parts = [(indent, theme.text), (sign.to_owned(), theme.faint)]
                .into_iter()
                .chain(parts);
            let mut skipped = self.shift;
            let mut x = 0;
            for (text, style) in parts {
                let length = text.chars().count();
                let rest: String = text.chars().skip(skipped).collect();
                skipped -= skipped.min(length);
                x = canvas.put(x, y, &rest, style);
            }
            if line == self.cursor.selected {
                let style = if is_focused {
                    theme.selected
                } else {
                    theme.unfocused
                };
                canvas.fill(y, style);
            }
        }
    }

    /// A line's text in its colours.
    fn parts(
        &self,
        node: &Node,
        number: usize,
        marks: Marks,
        theme: &Theme,
    ) -> Vec<(String, Style)> {
        let text = node.text.clone();
        let mut parts = match node.kind {
            NodeKind::Heading => vec![(text, theme.heading)],
            NodeKind::Message => {
                let mut parts = vec![(text, theme.message)];
                if self.folded.contains(&number) {
                    parts.push((self.summary(number), theme.text));
                }
                parts
            }
            NodeKind::Verdict(verdict) => {
                let worst = Worst::from(verdict);
                vec![(format!("{text} {}", marks.worst(worst)), theme.worst(worst))]
            }
            NodeKind::Finding(severity) => vec![(text, theme.severity(severity))],
            NodeKind::Fault => vec![(text, theme.error)],
            NodeKind::Field => match text.split_once(": ") {
                Some((label, value)) => vec![
                    (format!("{label}: "), theme.faint),
                    (value.to_owned(), theme.text),
                ],
                None => vec![(text, theme.text)],
            },
        };
        parts.push((node.rest.clone(), theme.text));
        parts
    }

    /// What a folded message's line tells of its fields.
    fn summary(&self, number: usize) -> String {
        let fields = self.nodes.iter().skip(number + 1);
        let fields = fields.take_while(|node| node.depth > 1);
        let mut summary = String::new();
        for node in fields {
            let value = node.text.split_once(": ").map(|(_, value)| value);
            if matches!(node.kind, NodeKind::Field | NodeKind::Verdict(_))
                && !node.text.starts_with("Hash")
            {
                summary.push(' ');
                summary.push_str(value.unwrap_or(&node.text));
            }
        }
        summary
    }
}
