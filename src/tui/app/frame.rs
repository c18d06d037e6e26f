//! What stands around the views: title, tabs and the line at the bottom.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{App, PLACES};
use crate::tui::column::bytes;
use crate::tui::keys::Action;
use crate::tui::screen::Canvas;
use crate::tui::view::Shown;

impl App {
    /// Draws everything.
    pub(in crate::tui) fn draw(&mut self, buffer: &mut Buffer) {
        let area = *buffer.area();
        self.area = area;
        let marks = self.common.settings.marks;
        let (top, bottom) = frame_lines(area.height);
        if top >= 1 {
            self.draw_title(&mut Canvas::new(buffer, Rect { height: 1, ..area }, marks));
        }
        if top >= 2 {
            let tabs = Rect {
                y: area.y + 1,
                height: 1,
                ..area
            };
            self.draw_tabs(&mut Canvas::new(buffer, tabs, marks));
        }
        let middle = Rect {
            y: area.y + top,
            height: area.height.saturating_sub(top + bottom),
            ..area
        };
        let (view, common) = self.view();
        view.draw(&mut Canvas::new(buffer, middle, marks), common);
        if bottom > 0 {
            let line = Rect {
                y: area.y + area.height - 1,
                height: 1,
                ..area
            };
            self.draw_status(&mut Canvas::new(buffer, line, marks));
        }
        if let Some(mut help) = self.help.take() {
            let (view, _) = self.view();
            let entries = view.help();
            let name = PLACES.iter().find(|(place, ..)| *place == self.place);
            let name = name.map_or("", |(_, name, _)| name);
            help.draw(
                &mut Canvas::new(buffer, middle, marks),
                name,
                entries,
                &self.common.settings.keys,
                &self.common.settings.theme,
            );
            self.help = Some(help);
        }
        if let Some(prompt) = &self.prompt {
            let theme = &self.common.settings.theme;
            prompt.draw(&mut Canvas::new(buffer, area, marks), theme);
        }
    }

    fn draw_title(&self, canvas: &mut Canvas<'_>) {
        let theme = &self.common.settings.theme;
        canvas.fill(0, theme.title);
        let status = self.common.store.status();
        let mut tally = ppspp_dissector::session::Tally::default();
        let (swarms, channels, findings);
        {
            let analyzer = self.common.store.analyzer();
            swarms = analyzer.swarms().count();
            channels = analyzer.channels().count();
            findings = analyzer
                .finding_counts()
                .map(|(_, count)| count)
                .sum::<u64>();
            for swarm in analyzer.swarms() {
                if let Some(found) = &swarm.verification {
                    let messages = found.messages();
                    tally.verified += messages.verified;
                    tally.failed += messages.failed;
                    tally.unverified += messages.unverified;
                    tally.unprotected += messages.unprotected;
                }
            }
        }
        let mut verdicts = format!(
            "✓{} ✗{} ?{}",
            tally.verified, tally.failed, tally.unverified
        );
        if tally.unprotected > 0 {
            verdicts = format!("{verdicts} ·{}", tally.unprotected);
        }
        verdicts = format!("{verdicts}  ! {findings}");
        let span = self.common.store.span();
        let span = span.map_or(0, |(first, last)| last.since(first));
        let store = &self.common.store;
        let datagrams = store.len().saturating_sub(store.begun());
        let counted = self.counters();
        let dropped = counted.map_or(0, |counted| counted.dropped + counted.interface_dropped);
        let mut facts = match counted {
            Some(counted) if dropped == 0 => format!(
                "  {datagrams} of {} packets  0 dropped  {swarms} swarms",
                counted.captured
            ),
            Some(counted) => format!(
                "  {datagrams} of {} packets  {swarms} swarms",
                counted.captured
            ),
            None => format!(
                "  {datagrams} datagrams  {swarms} swarms  {channels} channels  {:.2} s",
                span as f64 / 1e9
            ),
        };
        let gone = store.let_go();
        if gone > 0 {
            facts = format!("  {gone} let go{facts}");
        }
        if let Some(meanwhile) = store.meanwhile() {
            facts = format!("  PAUSED, {meanwhile} came{facts}");
        }
        if dropped > 0 {
            // What is lost must not be lost from sight.
            facts = format!("  {dropped} dropped{facts}");
        }
        let width = usize::from(canvas.width());
        let right = verdicts.chars().count() + 1;
        let room = width.saturating_sub(right + facts.len() + 2);
        let name: String = if status.name.chars().count() > room.max(8) {
            let head: String = status.name.chars().take(room.max(8) - 1).collect();
            format!("{head}…")
        } else {
            status.name
        };
        let end = canvas.put(1, 0, &name, theme.title);
        canvas.put(end, 0, &facts, theme.title);
        if width > 20 {
            let text = format!("  {verdicts} ");
            canvas.put_right(canvas.width(), 0, &text, theme.title);
        }
    }

    fn draw_tabs(&self, canvas: &mut Canvas<'_>) {
        let theme = &self.common.settings.theme;
        canvas.fill(0, theme.tab);
        let mut x = 1;
        for (number, (place, name, _)) in PLACES.iter().enumerate() {
            let style = if *place == self.place {
                theme.selected
            } else {
                theme.tab
            };
            x = canvas.put(x, 0, &tab(number, name), style);
        }
        if usize::from(canvas.width()) > usize::from(x) + 8 {
            canvas.put_right(canvas.width() - 1, 0, "? help", theme.tab);
        }
    }

    fn draw_status(&self, canvas: &mut Canvas<'_>) {
        let theme = &self.common.settings.theme;
        let mut right = Vec::new();
        if !self.digits.is_empty() {
            right.push(self.digits.iter().map(ToString::to_string).collect());
        }
        if let Shown::Fitting(fitting) = &self.common.shown {
            let store = &self.common.store;
            let (first, length) = (store.first(), store.len());
            let count = fitting.rows.len();
            right.push(if fitting.scanned < length {
                format!("{count} of {} …", fitting.scanned.saturating_sub(first))
            } else {
                format!("{count} of {} shown", length - first)
            });
        }
        if !self.common.marked.is_empty() {
            right.push(format!("{} marked", self.common.marked.len()));
        }
        if let Some(job) = &self.job {
            right.push(job.progress());
        }
        let status = self.common.store.status();
        if !status.done {
            right.push(match status.total {
                Some(total) if total > 0 => format!("reading {} %", status.read * 100 / total),
                _ => format!("reading, {}", bytes(status.read)),
            });
        } else if let Some(fault) = status.faults.first() {
            right.push(format!("! {fault}"));
        }
        if self.common.follows {
            right.push("following".to_owned());
        }
        let right = right.join("  ");
        let (left, style) = match (&self.message, &self.common.shown) {
            (Some((text, true)), _) => (text.clone(), theme.bad),
            (Some((text, false)), _) => (text.clone(), theme.heading),
            (None, Shown::Fitting(fitting)) => (format!("/{}", fitting.text), theme.good),
            (None, Shown::All(_)) => {
                let keys = &self.common.settings.keys;
                let key = |action| keys.keys(action).first().cloned().unwrap_or_default();
                let hint = format!(
                    "{} filter  {} commands  {} help  {} quit",
                    key(Action::Filter),
                    key(Action::Command),
                    key(Action::Help),
                    key(Action::Quit)
                );
                (hint, theme.faint)
            }
        };
        canvas.put(0, 0, &left, style);
        let room = usize::from(canvas.width()).saturating_sub(2);
        let right: String = right.chars().take(room).collect();
        canvas.put_right(canvas.width(), 0, &format!(" {right}"), theme.text);
    }
}

/// How many lines the frame takes at the top and at the bottom.
pub(super) const fn frame_lines(height: u16) -> (u16, u16) {
    match height {
        0..3 => (0, 0),
        3..6 => (0, 1),
        6..10 => (1, 1),
        _ => (2, 1),
    }
}

pub(super) fn tab(number: usize, name: &str) -> String {
    format!(" {} {name} ", number + 1)
}
