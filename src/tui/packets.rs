//! Packets: the list, the selected datagram's tree, and its bytes.

use ppspp_dissector::session::Time;

use super::column::{Column, gravest};
use super::hex::HexPane;
use super::keys::Action;
use super::list::Cursor;
use super::screen::{Canvas, put_address, put_sentence};
use super::tree::TreePane;
use super::view::{Common, Outcome, View};
use crate::output::{TimeFormat, TimeStyle};

/// Which part takes the keys.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pane {
    #[default]
    List,
    Tree,
    Bytes,
}

/// The list with its panes.
#[derive(Default)]
pub(super) struct Packets {
    cursor: Cursor,
    /// Lines that were let go when the cursor was looked after last.
    gone: usize,
    pane: Pane,
    tree: TreePane,
    hex: HexPane,
    /// The row that the panes show, by what was known after so many changes.
    detail: Option<(usize, u64)>,
    /// What stands over its tree.
    title: String,
    /// How many lines the user gave the list beyond half.
    bias: i32,
    /// Where the parts were drawn last: the line of the list's first datagram,
    /// the panes' first line, and the bytes' first column.
    places: (u16, u16, u16),
}

impl Packets {
    /// Shows a row.
    pub(super) fn show(&mut self, row: usize, common: &mut Common) {
        self.cursor.selected = common.shown.line(row);
        self.gone = common.shown.gone();
        self.sync(common);
    }

    /// Makes the panes show the selected datagram.
    fn sync(&mut self, common: &mut Common) {
        let gone = common.shown.gone();
        self.cursor.shift(gone.saturating_sub(self.gone));
        self.gone = gone;
        if common.follows {
            self.cursor.selected = common.shown.len(&common.store).saturating_sub(1);
        }
        let Some(row) = common.shown.row(self.cursor.selected) else {
            self.detail = None;
            return;
        };
        common.row = row;
        let now = (row, common.store.changes());
        if self.detail == Some(now) {
            return;
        }
        let changed = self.detail.is_none_or(|(before, _)| before != row);
        let analyzer = common.store.analyzer();
        let found = common.reader.row(&analyzer, row, |item, record| {
            self.tree.load(item, record, changed);
            self.hex.load(item.datagram.payload, changed);
            self.title = format!("Datagram {}", item.datagram.frame);
        });
        self.detail = found.map(|()| now);
        self.hex.highlight = self.tree.selected_bytes();
    }

    fn list_height(&self, height: u16) -> u16 {
        if height < 10 {
            return height.saturating_sub(1);
        }
        let half = i32::from(height) / 2 + self.bias;
        half.clamp(3, i32::from(height) - 4) as u16
    }

    fn draw_list(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        let columns = common.settings.columns.clone();
        let absolute = common.times == TimeStyle::Absolute;
        let last = common.store.len().saturating_sub(1);
        let last = common.reader.head(last, |item| item.datagram.frame);
        let digits = last.unwrap_or(0).max(1).ilog10() as u16 + 1;
        let widths = widths(&columns, canvas.width(), absolute, digits);
        let theme = &common.settings.theme;
        let mut x = 1;
        for (column, width) in columns.iter().zip(&widths) {
            if column.is_right() {
                canvas.put_right(x + width, 0, column.title(), theme.heading);
            } else {
                canvas
                    .part(x, 0, *width, 1)
                    .put(0, 0, column.title(), theme.heading);
            }
            x += width + 1;
        }
        let height = canvas.height().saturating_sub(1);
        let length = common.shown.len(&common.store);
        let window = self.cursor.window(length, height.into());
        let origin = common.store.span().map(|(first, _)| first);
        let analyzer = common.store.analyzer();
        let mut before: Option<Time> = window
            .start
            .checked_sub(1)
            .and_then(|line| common.shown.row(line))
            .and_then(|row| common.store.get(row)?.time());
        for (y, line) in (1..).zip(window) {
            let Some(row) = common.shown.row(line) else {
                break;
            };
            let since = if common.times == TimeStyle::Delta {
                before
            } else {
                origin
            };
            let mut line_canvas = canvas.part(0, y, canvas.width(), 1);
            let is_marked = common.marked.contains(&row);
            let time = common.reader.row(&analyzer, row, |item, record| {
                let canvas = &mut line_canvas;
                if is_marked {
                    canvas.put(0, 0, "*", theme.marked);
                }
                let mut x = 1;
                for (column, width) in columns.iter().zip(&widths) {
                    let mut cell = canvas.part(x, 0, *width, 1);
                    match column {
                        Column::Time => {
                            let format = TimeFormat::new(common.times).since(since);
                            let text = format.clone().next(item.datagram.time);
                            cell.put_right(*width, 0, text.trim(), theme.text);
                        }
                        Column::Messages => {
                            put_messages(&mut cell, item, record, theme);
                        }
                        Column::Swarm => {
                            cell.put(0, 0, &column.text(item, record), theme.swarm);
                        }
                        Column::Finding => {
                            let style = item
                                .row
                                .severity()
                                .map_or(theme.text, |severity| theme.severity(severity));
                            cell.put(0, 0, &column.text(item, record), style);
                        }
                        _ if column.is_right() => {
                            cell.put_right(*width, 0, &column.text(item, record), theme.text);
                        }
                        _ => {
                            let text = column.text(item, record);
                            put_address(&mut cell, &text, theme.text);
                        }
                    }
                    x += width + 1;
                }
                item.datagram.time
            });
            before = time.flatten().or(before);
            if line == self.cursor.selected {
                let style = if self.pane == Pane::List {
                    theme.selected
                } else {
                    theme.unfocused
                };
                line_canvas.fill(0, style);
                if !is_marked {
                    line_canvas.put(0, 0, ">", style);
                }
            }
        }
        if length == 0 {
            drop(analyzer);
            for (y, line) in (1..).zip(common.why_empty()) {
                canvas.put(1, y, &line, theme.faint);
            }
        }
    }
}

/// The messages and, behind them or at the right end, the gravest finding.
fn put_messages(
    cell: &mut Canvas<'_>,
    item: &crate::index::Item<'_>,
    record: &ppspp_dissector::session::Record<'_, '_>,
    theme: &super::theme::Theme,
) {
    if item.is_lost {
        cell.put(0, 0, "its bytes are no longer in the file", theme.bad);
        return;
    }
    let end = put_sentence(cell, 0, 0, &Column::Messages.text(item, record), theme);
    let Some(severity) = item.row.severity() else {
        return;
    };
    let style = theme.severity(severity);
    match gravest(record) {
        Some(text) if usize::from(end) + 2 + text.len() <= usize::from(cell.width()) => {
            cell.put(end + 2, 0, &text, style);
        }
        Some(_) => cell.put_right(cell.width(), 0, " !", style),
        None => {}
    }
}

/// How wide each column is.
fn widths(columns: &[Column], width: u16, absolute_times: bool, digits: u16) -> Vec<u16> {
    let mut widths: Vec<u16> = columns
        .iter()
        .map(|column| match column {
            Column::Time if absolute_times => 27,
            Column::Frame => digits.max(5),
            other => other.width(),
        })
        .collect();
    let gaps = columns.len() as u16;
    // Addresses get more where there is room: they may be IPv6 ones.
    let used: u16 = widths.iter().sum::<u16>() + gaps;
    let mut spare = width.saturating_sub(used + 30);
    for (column, width) in columns.iter().zip(&mut widths) {
        if matches!(column, Column::From | Column::To) {
            let more = spare.min(8);
            *width += more;
            spare -= more;
        }
    }
    let used: u16 = widths.iter().sum::<u16>() + gaps;
    if let Some(last) = widths.last_mut() {
        let others = used - *last;
        *last = width.saturating_sub(others).max(1);
    }
    widths
}

impl View for Packets {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        self.sync(common);
        let (width, height) = (canvas.width(), canvas.height());
        let list = self.list_height(height);
        self.draw_list(&mut canvas.part(0, 0, width, list), common);
        self.places = (1, list + 1, width);
        if list + 1 >= height {
            return;
        }
        let theme = &common.settings.theme;
        let below = height - list - 1;
        let digits = HexPane::width(width);
        let tree_width = width.saturating_sub(digits + 1);
        let title = match self.detail.and_then(|(row, _)| common.store.get(row)) {
            Some(_) => self.title.as_str(),
            None => "",
        };
        canvas.rule(list, title, theme, self.pane == Pane::Tree);
        if digits > 0 {
            let style = if self.pane == Pane::Bytes {
                theme.heading
            } else {
                theme.faint
            };
            canvas.put(tree_width + 1, list, " Bytes ", style);
        }
        self.places.2 = tree_width + 1;
        if self.detail.is_none() {
            return;
        }
        let is_focused = self.pane == Pane::Tree;
        let mut part = canvas.part(0, list + 1, tree_width, below);
        self.tree.draw(&mut part, theme, is_focused);
        let mut part = canvas.part(tree_width + 1, list + 1, digits, below);
        self.hex.draw(&mut part, theme, self.pane == Pane::Bytes);
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        if self.detail.is_none() {
            self.sync(common);
        }
        let length = common.shown.len(&common.store);
        match (action, self.pane) {
            (Action::NextPane, pane) => {
                self.pane = match pane {
                    Pane::List => Pane::Tree,
                    Pane::Tree => Pane::Bytes,
                    Pane::Bytes => Pane::List,
                };
            }
            (Action::PreviousPane, pane) => {
                self.pane = match pane {
                    Pane::List => Pane::Bytes,
                    Pane::Tree => Pane::List,
                    Pane::Bytes => Pane::Tree,
                };
            }
            (Action::Open | Action::Right, Pane::List) => self.pane = Pane::Tree,
            (Action::Back, Pane::Tree | Pane::Bytes) => self.pane = Pane::List,
            (Action::Grow, _) => self.bias += 2,
            (Action::Shrink, _) => self.bias -= 2,
            (Action::Copy, Pane::Tree) => {
                return self.tree.text().map_or(Outcome::Done, Outcome::Copy);
            }
            (Action::Copy, Pane::Bytes) => return Outcome::Copy(self.hex.digits()),
            (Action::Copy, Pane::List) => return Outcome::Copy(self.tree.all()),
            (_, Pane::List) => {
                if !self.cursor.act(action, count, length) {
                    return Outcome::Ignored;
                }
                common.follows = false;
                self.sync(common);
            }
            (_, Pane::Tree) => {
                if !self.tree.act(action, count) {
                    return Outcome::Ignored;
                }
                self.hex.highlight = self.tree.selected_bytes();
                self.hex.reveal();
            }
            (_, Pane::Bytes) => {
                if !self.hex.act(action, count) {
                    return Outcome::Ignored;
                }
                self.tree.select_byte(self.hex.at);
                self.hex.highlight = self.tree.selected_bytes();
            }
        }
        Outcome::Done
    }

    fn click(&mut self, x: u16, y: u16, common: &mut Common) -> Outcome {
        let (list, panes, bytes) = self.places;
        if y >= list && y + 1 < panes {
            self.pane = Pane::List;
            let line = self.cursor.top + usize::from(y - list);
            if line < common.shown.len(&common.store) {
                self.cursor.selected = line;
                common.follows = false;
                self.sync(common);
            }
        } else if y >= panes && x < bytes {
            self.pane = Pane::Tree;
            self.tree.click(y - panes);
            self.hex.highlight = self.tree.selected_bytes();
            self.hex.reveal();
        } else if y >= panes {
            self.pane = Pane::Bytes;
            if self.hex.click(x - bytes, y - panes) {
                self.tree.select_byte(self.hex.at);
                self.hex.highlight = self.tree.selected_bytes();
            }
        } else {
            return Outcome::Ignored;
        }
        Outcome::Done
    }

    fn help(&self) -> &'static [(Action, &'static str)] {
        &[
            (Action::Down, "next datagram, field or line of bytes"),
            (
                Action::Last,
                "to the last datagram, with a number to that line",
            ),
            (Action::NextPane, "list, tree, bytes"),
            (Action::Open, "into the tree; there: fold and unfold"),
            (Action::Back, "back to the list"),
            (Action::Mark, "mark the datagram, for :write and n"),
            (
                Action::NextHit,
                "next marked datagram; without marks, next with a finding",
            ),
            (Action::Grow, "larger list"),
            (Action::Shrink, "smaller list"),
            (
                Action::Copy,
                "copy the datagram's tree, the field, or its bytes",
            ),
            (Action::Follow, "stay at the newest datagram"),
        ]
    }
}
