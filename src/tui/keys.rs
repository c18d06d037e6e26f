//! What users can do, and the keys for it.

use std::collections::HashMap;
use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

macro_rules! actions {
    ($( $action:ident $name:literal [$($key:literal),*] $text:literal; )+) => {
        /// Something that a key does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub(super) enum Action {
            $( #[doc = $text] $action, )+
        }

        impl Action {
            /// All of them.
            pub(super) const ALL: &'static [Self] = &[$( Self::$action ),+];

            /// The name in the configuration.
            pub(super) const fn name(self) -> &'static str {
                match self { $( Self::$action => $name, )+ }
            }

            /// What it does, in a few words.
            pub(super) const fn text(self) -> &'static str {
                match self { $( Self::$action => $text, )+ }
            }

            const fn default_keys(self) -> &'static [&'static str] {
                match self { $( Self::$action => &[$($key),*], )+ }
            }
        }
    };
}

actions! {
    Up "up" ["up", "k"] "up";
    Down "down" ["down", "j"] "down";
    Left "left" ["left", "h"] "left, fold";
    Right "right" ["right", "l"] "right, unfold";
    PageUp "page-up" ["pageup", "ctrl-b"] "a page up";
    PageDown "page-down" ["pagedown", "ctrl-f"] "a page down";
    HalfUp "half-page-up" ["ctrl-u"] "half a page up";
    HalfDown "half-page-down" ["ctrl-d"] "half a page down";
    First "first" ["g g", "home"] "to the first, or with a number to that one";
    Last "last" ["G", "end"] "to the last, or with a number to that one";
    NextPane "next-pane" ["tab"] "next pane";
    PreviousPane "previous-pane" ["backtab"] "pane before";
    Open "open" ["enter"] "open, unfold, jump";
    Back "back" ["esc", "backspace"] "back";
    Packets "packets" ["1"] "packets";
    Swarms "swarms" ["2"] "swarms";
    Flow "flow" ["3"] "flow";
    Channels "channels" ["4"] "channels";
    Graphs "graphs" ["5"] "graphs";
    Findings "findings" ["6"] "findings";
    Filter "filter" ["/"] "filter";
    Command "command" [":"] "command line";
    Help "help" ["?", "f1"] "help";
    NextHit "next-hit" ["n"] "next marked datagram, else next one with a finding";
    PreviousHit "previous-hit" ["N"] "the one before";
    Mark "mark" ["space"] "mark";
    TimeFormat "time-format" ["t"] "time: relative, since the one before, date";
    Copy "copy" ["y"] "copy to the clipboard";
    Follow "follow" ["f"] "follow: stay at the newest datagram";
    Pause "pause" ["p"] "pause: stand still, or go on";
    Clear "clear" ["C"] "forget what came until now";
    Grow "grow" ["+"] "larger list, zoom in";
    Shrink "shrink" ["-"] "smaller list, zoom out";
    Sort "sort" ["s"] "sort by the next column";
    Reverse "reverse" ["r"] "sort the other way round";
    PerPeer "per-peer" ["m"] "maps per peer";
    Scope "scope" ["c"] "one channel, its swarm, all";
    Redraw "redraw" ["ctrl-l"] "draw again";
    Quit "quit" ["q", "ctrl-c"] "quit";
}

impl Action {
    /// Whether a number before it says how often, or where to.
    pub(super) const fn takes_number(self) -> bool {
        matches!(
            self,
            Self::Up
                | Self::Down
                | Self::Left
                | Self::Right
                | Self::PageUp
                | Self::PageDown
                | Self::HalfUp
                | Self::HalfDown
                | Self::First
                | Self::Last
                | Self::NextHit
                | Self::PreviousHit
        )
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// One key, with Ctrl or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    code: KeyCode,
    ctrl: bool,
}

const NAMED: [(&str, KeyCode); 15] = [
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("pageup", KeyCode::PageUp),
    ("pagedown", KeyCode::PageDown),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("space", KeyCode::Char(' ')),
];

impl Key {
    /// The key of an event.
    pub(super) const fn of(event: KeyEvent) -> Self {
        Self {
            code: event.code,
            ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
        }
    }

    /// The digit that it is, without Ctrl.
    pub(super) fn digit(self) -> Option<usize> {
        match self.code {
            KeyCode::Char(digit) if !self.ctrl => digit.to_digit(10).map(|digit| digit as usize),
            _ => None,
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (ctrl, name) = match text.strip_prefix("ctrl-") {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let named = NAMED.iter().find(|(known, _)| *known == name);
        let code = if let Some((_, code)) = named {
            *code
        } else if let Some(number) = name.strip_prefix('f').and_then(|rest| rest.parse().ok()) {
            KeyCode::F(number)
        } else {
            let mut characters = name.chars();
            match (characters.next(), characters.next()) {
                (Some(character), None) => KeyCode::Char(character),
                _ => return None,
            }
        };
        Some(Self { code, ctrl })
    }
}

/// Why a configuration's keys can't be taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("[keys] has no action \"{0}\"; --print-config lists them")]
    UnknownAction(String),
    #[error(
        "[keys] {action}: \"{key}\" is no key; such as \"x\", \"ctrl-x\", \"f1\", \"g g\", \"pageup\""
    )]
    UnknownKey { action: String, key: String },
    #[error("[keys] \"{key}\" is bound twice: to {one} and to {other}")]
    Twice {
        key: String,
        one: Action,
        other: Action,
    },
}

/// Which keys do what.
#[derive(Clone, Debug)]
pub(super) struct KeyMap {
    /// In the order of the actions: the keys as they are written.
    written: Vec<(Action, Vec<String>)>,
    bound: HashMap<Vec<Key>, Action>,
}

/// What keys typed so far mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Action(Action),
    /// The beginning of something.
    Prefix,
    Nothing,
}

impl KeyMap {
    /// The default keys, with those of a configuration in their places.
    pub(super) fn with(
        changes: &std::collections::BTreeMap<String, Vec<String>>,
    ) -> Result<Self, KeyError> {
        for name in changes.keys() {
            if !Action::ALL.iter().any(|action| action.name() == name) {
                return Err(KeyError::UnknownAction(name.clone()));
            }
        }
        let mut map = Self {
            written: Vec::new(),
            bound: HashMap::new(),
        };
        for &action in Action::ALL {
            let keys = match changes.get(action.name()) {
                Some(keys) => keys.clone(),
                None => action
                    .default_keys()
                    .iter()
                    .map(ToString::to_string)
                    .collect(),
            };
            for written in &keys {
                let keys: Option<Vec<Key>> = written.split(' ').map(Key::parse).collect();
                let keys = keys.ok_or_else(|| KeyError::UnknownKey {
                    action: action.name().to_owned(),
                    key: written.clone(),
                })?;
                if let Some(&one) = map.bound.get(&keys) {
                    return Err(KeyError::Twice {
                        key: written.clone(),
                        one,
                        other: action,
                    });
                }
                map.bound.insert(keys, action);
            }
            map.written.push((action, keys));
        }
        Ok(map)
    }

    /// What these keys, typed one after the other, mean.
    pub(super) fn meaning(&self, keys: &[Key]) -> Meaning {
        if let Some(action) = self.bound.get(keys) {
            return Meaning::Action(*action);
        }
        let is_prefix = self.bound.keys().any(|bound| bound.starts_with(keys));
        if is_prefix {
            Meaning::Prefix
        } else {
            Meaning::Nothing
        }
    }

    /// The keys of an action, as they are written.
    pub(super) fn keys(&self, action: Action) -> &[String] {
        let found = self.written.iter().find(|(known, _)| *known == action);
        found.map_or(&[], |(_, keys)| keys)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn changed(action: &str, keys: &[&str]) -> Result<KeyMap, KeyError> {
        let keys = keys.iter().map(ToString::to_string).collect();
        KeyMap::with(&BTreeMap::from([(action.to_owned(), keys)]))
    }

    #[test]
    fn the_default_keys_do_not_collide() {
        let map = KeyMap::with(&BTreeMap::new()).expect("fine");
        let key = |text: &str| Key::parse(text).expect("a key");
        let action = |keys: &[&str]| map.meaning(&keys.iter().map(|k| key(k)).collect::<Vec<_>>());
        assert_eq!(action(&["j"]), Meaning::Action(Action::Down));
        assert_eq!(action(&["g"]), Meaning::Prefix);
        assert_eq!(action(&["g", "g"]), Meaning::Action(Action::First));
        assert_eq!(action(&["g", "x"]), Meaning::Nothing);
        assert_eq!(action(&["ctrl-c"]), Meaning::Action(Action::Quit));
    }

    #[test]
    fn a_key_that_is_bound_twice_is_told_with_both_actions() {
        let error = changed("quit", &["j"]).expect_err("twice");
        assert_eq!(
            error.to_string(),
            "[keys] \"j\" is bound twice: to down and to quit"
        );
    }

    #[test]
    fn what_is_no_key_and_no_action_is_told() {
        assert!(matches!(
            changed("quit", &["hyper-x"]),
            Err(KeyError::UnknownKey { .. })
        ));
        assert!(matches!(
            changed("explode", &["x"]),
            Err(KeyError::UnknownAction(_))
        ));
        let map = changed("quit", &["Q"]).expect("fine");
        assert_eq!(map.keys(Action::Quit), ["Q"]);
        let quit = Key::parse("q").expect("a key");
        assert_eq!(map.meaning(&[quit]), Meaning::Nothing, "q is free now");
    }
}
