//! Two datagrams side by side, field by field.

use super::keys::Action;
use super::screen::Canvas;
use super::view::Common;
use crate::output::{Node, tree};

/// Fields of a datagram that are compared, at most.
const MOST_FIELDS: usize = 512;

/// Two datagrams that are compared.
pub(super) struct Compare {
    rows: [usize; 2],
    /// What stands beside each other, by what was known after so many changes.
    aligned: Option<(u64, Vec<Pair>)>,
    top: usize,
}

/// What stands where in both.
type Pair = (Option<Node>, Option<Node>);

impl Compare {
    /// Of these rows.
    pub(super) const fn new(one: usize, other: usize) -> Self {
        Self {
            rows: [one, other],
            aligned: None,
            top: 0,
        }
    }

    /// Scrolls; returns whether the action is one that does.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>) -> bool {
        let times = count.unwrap_or(1);
        self.top = match action {
            Action::Up => self.top.saturating_sub(times),
            Action::Down => self.top.saturating_add(times),
            Action::PageUp | Action::HalfUp => self.top.saturating_sub(10),
            Action::PageDown | Action::HalfDown => self.top.saturating_add(10),
            Action::First => 0,
            Action::Last => usize::MAX,
            _ => return false,
        };
        true
    }

    /// Puts the two beside each other, again where verdicts have changed.
    fn align(&mut self, common: &mut Common) {
        let changes = common.store.changes();
        if self.aligned.as_ref().is_some_and(|(at, _)| *at == changes) {
            return;
        }
        let analyzer = common.store.analyzer();
        let [one, other] = self.rows.map(|row| {
            let nodes = common.reader.row(&analyzer, row, |item, record| {
                tree(&item.datagram, record, item.frame.comment)
            });
            nodes.unwrap_or_default()
        });
        self.aligned = Some((changes, align(one, other)));
    }

    /// Draws both.
    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        self.align(common);
        let theme = &common.settings.theme;
        let Some((_, pairs)) = &self.aligned else {
            return;
        };
        let height = usize::from(canvas.height());
        self.top = self.top.min(pairs.len().saturating_sub(height));
        let half = canvas.width() / 2;
        let width = canvas.width();
        for (y, (left, right)) in (0..canvas.height()).zip(pairs.iter().skip(self.top)) {
            let is_same = matches!((left, right), (Some(left), Some(right)) if left.text == right.text && left.rest == right.rest);
            let style = if is_same { theme.faint } else { theme.differs };
            if !is_same {
                canvas.put(half.saturating_sub(1), y, "≠", theme.differs);
            }
            for (x, room, node) in [
                (0, half.saturating_sub(2), left),
                (half + 1, width.saturating_sub(half + 1), right),
            ] {
                if let Some(node) = node {
                    let text = format!("{}{}{}", "  ".repeat(node.depth), node.text, node.rest);
                    canvas.part(x, y, room, 1).put(0, 0, &text, style);
                }
            }
        }
    }
}

/// What a line is about, without its value.
fn subject(node: &Node) -> (usize, &str) {
    let label = match node.text.split_once(':') {
        Some((label, _)) if node.depth > 0 => label,
        _ if node.depth == 0 => "",
        _ => node.text.as_str(),
    };
    (node.depth, label)
}

/// Puts what is about the same beside each other: the longest common sequence.
fn align(mut one: Vec<Node>, mut other: Vec<Node>) -> Vec<Pair> {
    one.truncate(MOST_FIELDS);
    other.truncate(MOST_FIELDS);
    let (rows, columns) = (one.len(), other.len());
    // The longest common sequence of what is left from each place on.
    let mut longest = vec![vec![0_u16; columns + 1]; rows + 1];
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            longest[row][column] = if subject(&one[row]) == subject(&other[column]) {
                longest[row + 1][column + 1] + 1
            } else {
                longest[row + 1][column].max(longest[row][column + 1])
            };
        }
    }
    let mut pairs = Vec::with_capacity(rows.max(columns));
    let (mut row, mut column) = (0, 0);
    while row < rows || column < columns {
        let is_common =
            row < rows && column < columns && subject(&one[row]) == subject(&other[column]);
        if is_common {
            pairs.push((Some(one[row].clone()), Some(other[column].clone())));
            row += 1;
            column += 1;
        } else if column >= columns
            || (row < rows && longest[row + 1][column] >= longest[row][column + 1])
        {
            pairs.push((Some(one[row].clone()), None));
            row += 1;
        } else {
            pairs.push((None, Some(other[column].clone())));
            column += 1;
        }
    }
    pairs
}
