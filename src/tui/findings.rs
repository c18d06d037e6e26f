//! Findings: by severity and id; what the RFC asks, and where it was not met.

use ppspp_dissector::finding::{Entry, Severity};

use super::keys::Action;
use super::list::Cursor;
use super::screen::{Canvas, put_sentence};
use super::view::{Common, Outcome, View};
use crate::index::Store;
use crate::output::sentence_begun;

/// The list of findings, and the datagrams of the selected one.
#[derive(Default)]
pub(super) struct Findings {
    cursor: Cursor,
    /// Whether the datagrams take the keys.
    inside: bool,
    places: Cursor,
    /// First lines of the two lists.
    tops: (u16, u16),
}

/// Every finding that was raised, and how often: the gravest first.
fn raised(common: &Common) -> Vec<(&'static Entry, u64)> {
    let mut raised: Vec<_> = common.store.analyzer().finding_counts().collect();
    raised.sort_by_key(|(entry, count)| (std::cmp::Reverse((entry.severity, *count)), entry.name));
    raised
}

impl View for Findings {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        let raised = raised(common);
        let (width, height) = (canvas.width(), canvas.height());
        let theme = &common.settings.theme;
        if raised.is_empty() {
            let text = if common.store.status().done {
                "No finding: nothing here departs from RFC 7574, as far as can be told."
            } else {
                "No finding so far."
            };
            canvas.put(1, 0, text, theme.faint);
            return;
        }
        let above = (raised.len() as u16).min(height * 2 / 5).max(1);
        let window = self.cursor.window(raised.len(), above.into());
        self.tops = (0, above + 4);
        for (y, line) in (0..).zip(window) {
            let Some((entry, count)) = raised.get(line) else {
                break;
            };
            let style = theme.severity(entry.severity);
            canvas.put(1, y, entry.severity.name(), style);
            canvas.put(10, y, entry.name, theme.text);
            let section = if entry.section.is_empty() {
                "–"
            } else {
                entry.section
            };
            canvas.put(50, y, section, theme.faint);
            let end = canvas.put(57, y, &format!("{count:>9} ×  "), theme.text);
            canvas.put(end, y, entry.text, theme.faint);
            if line == self.cursor.selected {
                let style = if self.inside {
                    theme.unfocused
                } else {
                    theme.selected
                };
                canvas.fill(y, style);
                canvas.put(0, y, ">", style);
            }
        }
        let Some((entry, _)) = raised.get(self.cursor.selected) else {
            return;
        };
        canvas.rule(above, entry.name, theme, self.inside);
        let asks = if entry.section.is_empty() {
            entry.text.to_owned()
        } else {
            format!("RFC 7574, section {}: {}", entry.section, entry.text)
        };
        let (first, second) = wrap(&asks, width.saturating_sub(2).into());
        canvas.put(1, above + 1, first, theme.severity(entry.severity));
        canvas.put(1, above + 2, second, theme.severity(entry.severity));
        let rows = common.store.places(entry.id);
        let told = if rows.len() >= Store::MOST_PLACES {
            format!(
                "in the first {} datagrams of those with it; all: /ppspp.finding.id == \"{}\"",
                rows.len(),
                entry.name
            )
        } else {
            format!("in {} datagrams", rows.len())
        };
        let told = format!("{}; {told}", meaning(entry.severity));
        canvas.put(1, above + 3, &told, theme.faint);
        let room = usize::from(height.saturating_sub(above + 4));
        let window = self.places.window(rows.len(), room);
        let analyzer = common.store.analyzer();
        for (y, line) in (above + 4..).zip(window) {
            let Some(row) = rows.get(line) else {
                break;
            };
            let mut part = canvas.part(0, y, width, 1);
            common.reader.row(&analyzer, *row, |item, record| {
                let canvas = &mut part;
                let head = format!("{:>7} {:<21} ", item.datagram.frame, item.datagram.source);
                let x = canvas.put(1, 0, &head, theme.faint);
                let findings = record.findings.iter();
                let mut details = findings
                    .filter(|finding| finding.id == entry.id)
                    .map(|finding| finding.detail.to_string())
                    .filter(|detail| !detail.is_empty());
                let detail = details.next().unwrap_or_default();
                let mut x = canvas.put(x, 0, &detail, theme.severity(entry.severity));
                if !detail.is_empty() {
                    x = canvas.put(x, 0, "  ", theme.text);
                }
                put_sentence(canvas, x, 0, &sentence_begun(record), theme);
            });
            if line == self.places.selected {
                let style = if self.inside {
                    theme.selected
                } else {
                    theme.unfocused
                };
                part.fill(0, style);
            }
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        let raised = raised(common);
        let Some((entry, _)) = raised.get(self.cursor.selected) else {
            return Outcome::Ignored;
        };
        match (action, self.inside) {
            (Action::NextPane | Action::PreviousPane, _) => self.inside = !self.inside,
            (Action::Open | Action::Right, false) => self.inside = true,
            (Action::Back | Action::Left, true) => self.inside = false,
            (Action::Open, true) => {
                let rows = common.store.places(entry.id);
                return rows
                    .get(self.places.selected)
                    .map_or(Outcome::Done, |row| Outcome::Show(*row));
            }
            (Action::Copy, _) => {
                return Outcome::Copy(format!(
                    "{} {} (RFC 7574, section {}): {}",
                    entry.severity, entry.name, entry.section, entry.text
                ));
            }
            (_, true) => {
                let length = common.store.places(entry.id).len();
                if !self.places.act(action, count, length) {
                    return Outcome::Ignored;
                }
            }
            (_, false) => {
                if !self.cursor.act(action, count, raised.len()) {
                    return Outcome::Ignored;
                }
                self.places = Cursor::default();
            }
        }
        Outcome::Done
    }

    fn click(&mut self, _x: u16, y: u16, common: &mut Common) -> Outcome {
        let (above, below) = self.tops;
        if y >= below {
            let line = self.places.top + usize::from(y - below);
            if self.inside && line == self.places.selected {
                return self.act(Action::Open, None, common);
            }
            self.inside = true;
            self.places.selected = line;
        } else if y + 4 < below {
            self.inside = false;
            self.cursor.selected = self.cursor.top + usize::from(y - above);
            self.places = Cursor::default();
        }
        Outcome::Done
    }

    fn help(&self) -> &'static [(Action, &'static str)] {
        &[
            (Action::Down, "next finding"),
            (
                Action::Open,
                "its datagrams; there: show the datagram in Packets",
            ),
            (Action::Back, "back to the findings"),
            (Action::Copy, "copy what the finding says"),
        ]
    }
}

/// Why a finding of a severity matters.
const fn meaning(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "a MUST is broken, or damage: others may refuse it",
        Severity::Warning => "a SHOULD is not met, or it is odd: it may work less well",
        Severity::Note => "worth knowing, nothing wrong in itself",
    }
}

/// A text on two lines, cut between words.
fn wrap(text: &str, width: usize) -> (&str, &str) {
    if text.chars().count() <= width {
        return (text, "");
    }
    let end = text
        .char_indices()
        .nth(width)
        .map_or(text.len(), |(place, _)| place);
    let cut = text
        .get(..end)
        .and_then(|head| head.rfind(' '))
        .unwrap_or(end);
    let (first, second) = text.split_at(cut);
    (first, second.trim_start())
}
