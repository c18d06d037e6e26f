//! The line in which filters and commands are typed, with completion.

use std::ops::Range;

use ppspp_dissector::filter::{check, complete};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::command;
use super::screen::Canvas;
use super::theme::Theme;

/// Candidates that are shown at once.
const MOST_SHOWN: usize = 8;

/// What is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PromptKind {
    Filter,
    Command,
}

/// What became of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed {
    /// The user goes on.
    More,
    /// The user has given up.
    Abandoned,
    /// This was entered.
    Entered(String),
}

/// The line.
pub(super) struct Prompt {
    pub(super) kind: PromptKind,
    text: String,
    /// In bytes.
    cursor: usize,
    candidates: Vec<(String, String)>,
    replaces: Range<usize>,
    chosen: Option<usize>,
    hint: Option<&'static str>,
    history: Vec<String>,
    /// How many entries back.
    back: usize,
}

impl Prompt {
    /// A line that begins with a text; `history` is what was entered before.
    pub(super) fn new(kind: PromptKind, text: &str, history: Vec<String>) -> Self {
        let mut prompt = Self {
            kind,
            text: text.to_owned(),
            cursor: text.len(),
            candidates: Vec::new(),
            replaces: 0..0,
            chosen: None,
            hint: None,
            history,
            back: 0,
        };
        prompt.suggest();
        prompt
    }

    fn suggest(&mut self) {
        self.chosen = None;
        self.hint = None;
        match self.kind {
            PromptKind::Filter => {
                let completion = complete(&self.text, self.cursor);
                self.replaces = completion.replaces;
                self.hint = completion.hint;
                let candidates = completion.candidates.into_iter();
                self.candidates = candidates.map(|one| (one.text, one.description)).collect();
            }
            PromptKind::Command => {
                let before = self.text.get(..self.cursor).unwrap_or_default();
                (self.replaces, self.candidates) = command::complete(before);
            }
        }
    }

    fn choose(&mut self, step: isize) {
        let count = self.candidates.len() as isize;
        if count == 0 {
            return;
        }
        let next = match self.chosen {
            None if step > 0 => 0,
            None => count - 1,
            Some(chosen) => (chosen as isize + step).rem_euclid(count),
        };
        self.chosen = Some(next as usize);
        let (candidate, _) = self.candidates[next as usize].clone();
        let range =
            self.replaces.start.min(self.text.len())..self.replaces.end.min(self.text.len());
        self.text.replace_range(range, &candidate);
        self.replaces.end = self.replaces.start + candidate.len();
        self.cursor = self.replaces.end;
    }

    fn recall(&mut self, back: usize) {
        self.back = back.min(self.history.len());
        let entry = self.history.len().checked_sub(self.back);
        let text = entry.and_then(|place| self.history.get(place));
        self.text = text.cloned().unwrap_or_default();
        self.cursor = self.text.len();
        self.suggest();
    }

    /// Where the character before the cursor begins.
    fn before(&self) -> usize {
        let text = self.text.get(..self.cursor).unwrap_or_default();
        text.char_indices()
            .next_back()
            .map_or(0, |(place, _)| place)
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: KeyEvent) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Enter => return Typed::Entered(self.text.trim().to_owned()),
            KeyCode::Esc => return Typed::Abandoned,
            KeyCode::Char('c' | 'g') if ctrl => return Typed::Abandoned,
            KeyCode::Tab => {
                self.choose(1);
                return Typed::More;
            }
            KeyCode::BackTab => {
                self.choose(-1);
                return Typed::More;
            }
            KeyCode::Up => {
                self.recall(self.back + 1);
                return Typed::More;
            }
            KeyCode::Down => {
                self.recall(self.back.saturating_sub(1));
                return Typed::More;
            }
            KeyCode::Left => self.cursor = self.before(),
            KeyCode::Right => {
                let rest = self.text.get(self.cursor..).unwrap_or_default();
                self.cursor += rest.chars().next().map_or(0, char::len_utf8);
            }
            KeyCode::Home => self.cursor = 0,
            KeyCode::End => self.cursor = self.text.len(),
            KeyCode::Char('a') if ctrl => self.cursor = 0,
            KeyCode::Char('e') if ctrl => self.cursor = self.text.len(),
            KeyCode::Char('u') if ctrl => {
                self.text.replace_range(..self.cursor, "");
                self.cursor = 0;
            }
            KeyCode::Char('w') if ctrl => {
                let before = self.text.get(..self.cursor).unwrap_or_default().trim_end();
                let start = before.rfind(' ').map_or(0, |place| place + 1);
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            KeyCode::Backspace if self.text.is_empty() => return Typed::Abandoned,
            KeyCode::Backspace => {
                let start = self.before();
                self.text.replace_range(start..self.cursor, "");
                self.cursor = start;
            }
            KeyCode::Delete => {
                let rest = self.text.get(self.cursor..).unwrap_or_default();
                if let Some(next) = rest.chars().next() {
                    let end = self.cursor + next.len_utf8();
                    self.text.replace_range(self.cursor..end, "");
                }
            }
            KeyCode::Char(character) if !ctrl => {
                self.text.insert(self.cursor, character);
                self.cursor += character.len_utf8();
            }
            _ => return Typed::More,
        }
        self.suggest();
        Typed::More
    }

    /// Draws the line at the canvas' bottom, and the candidates above it.
    pub(super) fn draw(&self, canvas: &mut Canvas<'_>, theme: &Theme) {
        let Some(bottom) = canvas.height().checked_sub(1) else {
            return;
        };
        let sign = match self.kind {
            PromptKind::Filter => "/",
            PromptKind::Command => ":",
        };
        let (style, fault) = match self.kind {
            PromptKind::Filter if !self.text.is_empty() => match check(&self.text) {
                Ok(()) => (theme.good, None),
                Err(error) => (theme.bad, Some(error)),
            },
            _ => (theme.text, None),
        };
        // What does not fit at the left is left out.
        let room = usize::from(canvas.width().saturating_sub(3)).max(1);
        let before = self.text.get(..self.cursor).unwrap_or_default();
        let skipped = before.chars().count().saturating_sub(room);
        let shown: String = self.text.chars().skip(skipped).collect();
        canvas.put(0, bottom, &" ".repeat(canvas.width().into()), theme.text);
        canvas.put(0, bottom, sign, theme.heading);
        let end = canvas.put(1, bottom, &shown, style);
        let place = 1 + (before.chars().count() - skipped) as u16;
        canvas.tint(place, bottom, 1, theme.selected);
        let verdict = match (&fault, self.kind) {
            (Some(_), _) => "✗",
            (None, PromptKind::Filter) if !self.text.is_empty() => "✓",
            _ => "",
        };
        canvas.put(end + 1, bottom, verdict, style);
        let mut lines: Vec<(String, ratatui::style::Style)> = Vec::new();
        let first = self
            .chosen
            .map_or(0, |chosen| chosen.saturating_sub(MOST_SHOWN - 1));
        let widest = self.candidates.iter().map(|(text, _)| text.len()).max();
        let widest = widest.unwrap_or(0).min(32);
        for (number, (text, meaning)) in self
            .candidates
            .iter()
            .enumerate()
            .skip(first)
            .take(MOST_SHOWN)
        {
            let style = if Some(number) == self.chosen {
                theme.selected
            } else {
                theme.unfocused
            };
            lines.push((format!(" {text:<widest$}  {meaning} "), style));
        }
        if let Some(hint) = self.hint {
            lines.push((format!(" {hint} "), theme.unfocused));
        }
        if let Some(fault) = fault {
            lines.push((format!(" {fault} "), theme.unfocused));
        }
        let height = lines.len().min(usize::from(bottom)) as u16;
        for (y, (text, style)) in (bottom - height..bottom).zip(&lines) {
            canvas.put(0, y, &" ".repeat(canvas.width().into()), *style);
            canvas.put(0, y, text, *style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(kind: PromptKind, keys: &[KeyCode]) -> Prompt {
        let mut prompt = Prompt::new(kind, "", vec!["quit".to_owned()]);
        for key in keys {
            prompt.key(KeyEvent::new(*key, KeyModifiers::NONE));
        }
        prompt
    }

    #[test]
    fn text_is_edited_by_characters_not_bytes() {
        use KeyCode::{Backspace, Char, Delete, Home, Left, Right};
        let keys = [
            Char('a'),
            Char('µ'),
            Char('b'),
            Left,
            Left,
            Char('ß'),
            Right,
            Delete,
        ];
        let mut prompt = typed(PromptKind::Command, &keys);
        assert_eq!(prompt.text, "aßµ");
        prompt.key(KeyEvent::new(Backspace, KeyModifiers::NONE));
        assert_eq!(prompt.text, "aß");
        prompt.key(KeyEvent::new(Home, KeyModifiers::NONE));
        prompt.key(KeyEvent::new(Backspace, KeyModifiers::NONE));
        assert_eq!(prompt.text, "aß");
        prompt.key(KeyEvent::new(Char('u'), KeyModifiers::CONTROL));
        assert_eq!((prompt.text.as_str(), prompt.cursor), ("aß", 0));
    }

    #[test]
    fn tab_goes_through_what_could_stand_there() {
        use KeyCode::{BackTab, Char, Tab, Up};
        let mut prompt = typed(PromptKind::Command, &[Char('g'), Tab]);
        assert_eq!(prompt.text, "goto ");
        prompt = typed(
            PromptKind::Filter,
            &"ppspp.msg.ty".chars().map(Char).collect::<Vec<_>>(),
        );
        prompt.key(KeyEvent::new(Tab, KeyModifiers::NONE));
        assert!(prompt.text.starts_with("ppspp.msg.type"), "{}", prompt.text);
        prompt.key(KeyEvent::new(BackTab, KeyModifiers::NONE));
        let mut prompt = typed(PromptKind::Command, &[Up]);
        assert_eq!(
            prompt.key(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE)),
            Typed::Entered("quit".to_owned())
        );
    }
}
