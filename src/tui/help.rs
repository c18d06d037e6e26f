//! Help: the keys of a view and those that work everywhere.

use super::keys::{Action, KeyMap};
use super::screen::Canvas;
use super::theme::Theme;

const EVERYWHERE: &[(Action, &str)] = &[
    (Action::Packets, "packets"),
    (
        Action::Swarms,
        "swarms: what is verified, by chunk and peer",
    ),
    (Action::Flow, "flow: who said what to whom"),
    (Action::Channels, "channels: rates, losses, delays"),
    (Action::Graphs, "graphs over time"),
    (Action::Findings, "findings, and what the RFC asks"),
    (
        Action::Filter,
        "show only what fits a filter; Tab completes",
    ),
    (
        Action::Command,
        "goto, filter, write, export, set, quit; Tab completes",
    ),
    (Action::Mark, "mark the datagram"),
    (
        Action::NextHit,
        "next marked datagram, else next one with a finding",
    ),
    (Action::PreviousHit, "the one before"),
    (
        Action::TimeFormat,
        "times: relative, since the one before, date",
    ),
    (Action::Copy, "copy to the clipboard, also over ssh"),
    (Action::Follow, "follow what arrives"),
    (Action::Help, "this"),
    (Action::Quit, "quit"),
];

const MARKS: &str = "Marks: ✓ verified  ✗ failed  ? not verified  · nothing protects it  ! finding";

/// Help and how far it was scrolled.
#[derive(Default)]
pub(super) struct Help {
    top: usize,
}

impl Help {
    /// Scrolls; returns whether help is still wanted.
    pub(super) fn act(&mut self, action: Option<Action>) -> bool {
        match action {
            Some(Action::Down) => self.top += 1,
            Some(Action::Up) => self.top = self.top.saturating_sub(1),
            Some(Action::PageDown | Action::HalfDown) => self.top += 10,
            Some(Action::PageUp | Action::HalfUp) => self.top = self.top.saturating_sub(10),
            _ => return false,
        }
        true
    }

    /// Draws it over everything.
    pub(super) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        title: &str,
        view: &[(Action, &str)],
        keys: &KeyMap,
        theme: &Theme,
    ) {
        let line = |(action, text): &(Action, &str)| {
            let keys = keys.keys(*action).join(", ");
            format!("  {keys:<18} {text}")
        };
        let mut lines = vec![(format!(" {title}"), theme.heading)];
        lines.extend(view.iter().map(|entry| (line(entry), theme.text)));
        lines.push((String::new(), theme.text));
        lines.push((" Everywhere".to_owned(), theme.heading));
        lines.extend(EVERYWHERE.iter().map(|entry| (line(entry), theme.text)));
        lines.push((
            "  A number before a key says how often, or where to: 25G".to_owned(),
            theme.text,
        ));
        lines.push((String::new(), theme.text));
        lines.push((format!(" {MARKS}"), theme.text));
        let height = usize::from(canvas.height());
        self.top = self.top.min(lines.len().saturating_sub(height));
        for (y, (text, style)) in (0..canvas.height()).zip(
            lines
                .iter()
                .skip(self.top)
                .chain(std::iter::repeat(&(String::new(), theme.text))),
        ) {
            canvas.put(0, y, &" ".repeat(canvas.width().into()), theme.text);
            canvas.put(0, y, text, *style);
        }
    }
}
