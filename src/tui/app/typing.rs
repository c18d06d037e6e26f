//! What is typed and clicked: from keys and the mouse to what they ask for.

use std::time::Duration;

use ratatui::crossterm::event::{KeyCode, KeyEvent, MouseButton, MouseEvent, MouseEventKind};

use super::frame::{frame_lines, tab};
use super::{App, PLACES};
use crate::tui::command::Command;
use crate::tui::keys::{Action, Key, Meaning};
use crate::tui::prompt::{PromptKind, Typed};

/// How long a single digit waits to become a number before it chooses a view.
pub(in crate::tui) const DIGIT_PATIENCE: Duration = Duration::from_millis(350);

/// Lines that the wheel moves.
const WHEEL: usize = 3;

impl App {
    /// Takes a key.
    pub(in crate::tui) fn key(&mut self, event: KeyEvent) {
        if let Some(prompt) = &mut self.prompt {
            let kind = prompt.kind;
            match prompt.key(event) {
                Typed::More => {}
                Typed::Abandoned => self.prompt = None,
                Typed::Entered(text) => {
                    self.prompt = None;
                    self.entered(kind, &text);
                }
            }
            return;
        }
        self.message = None;
        let key = Key::of(event);
        let is_number =
            self.typed.is_empty() && (!self.digits.is_empty() || key.digit() != Some(0));
        if let Some(digit) = key.digit().filter(|_| is_number && self.help.is_none()) {
            self.digits.push(digit);
            self.digits.truncate(9);
            return;
        }
        self.typed.push(key);
        match self.common.settings.keys.meaning(&self.typed) {
            Meaning::Prefix => {}
            Meaning::Nothing => {
                self.typed.clear();
                self.digits.clear();
                self.help = None;
            }
            Meaning::Action(action) => {
                self.typed.clear();
                if !action.takes_number() {
                    self.patience_ends();
                }
                let number = self.digits.drain(..).fold(0, |sum, digit| sum * 10 + digit);
                self.act(action, (number > 0).then_some(number));
            }
        }
    }

    /// A single digit that nothing followed chooses a view.
    pub(in crate::tui) fn patience_ends(&mut self) {
        if let [digit] = *self.digits {
            self.digits.clear();
            let key = KeyEvent::from(KeyCode::Char(
                char::from_digit(digit as u32, 10).unwrap_or('0'),
            ));
            if let Meaning::Action(action) = self.common.settings.keys.meaning(&[Key::of(key)]) {
                self.act(action, None);
            }
        }
    }

    /// Whether a digit waits.
    pub(in crate::tui) fn is_patient(&self) -> bool {
        self.digits.len() == 1
    }

    fn entered(&mut self, kind: PromptKind, text: &str) {
        let history = match kind {
            PromptKind::Filter => &mut self.filters,
            PromptKind::Command => &mut self.commands,
        };
        if !text.is_empty() && history.last().is_none_or(|last| last != text) {
            history.push(text.to_owned());
        }
        match kind {
            PromptKind::Filter => self.filter(text),
            PromptKind::Command => match Command::parse(text) {
                Ok(command) => self.run(command),
                Err(_) if text.is_empty() => {}
                Err(error) => self.complain(&error),
            },
        }
    }

    /// Takes the mouse.
    pub(in crate::tui) fn mouse(&mut self, event: MouseEvent) {
        if self.prompt.is_some() {
            return;
        }
        match event.kind {
            MouseEventKind::ScrollDown => self.act(Action::Down, Some(WHEEL)),
            MouseEventKind::ScrollUp => self.act(Action::Up, Some(WHEEL)),
            MouseEventKind::Down(MouseButton::Left) => {
                self.message = None;
                let (top, bottom) = frame_lines(self.area.height);
                if top == 2 && event.row == 1 {
                    let mut x = 1;
                    for (number, (place, name, _)) in PLACES.iter().enumerate() {
                        let width = tab(number, name).len() as u16;
                        if (x..x + width).contains(&event.column) {
                            self.go(*place);
                            return;
                        }
                        x += width;
                    }
                } else if event.row >= top && event.row < self.area.height.saturating_sub(bottom) {
                    let (x, y) = (event.column, event.row - top);
                    let outcome = {
                        let (view, common) = self.view();
                        view.click(x, y, common)
                    };
                    self.follow_up(outcome);
                }
            }
            _ => {}
        }
    }
}
