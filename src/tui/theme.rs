//! Colours and marks. Colour is never the only sign.

use std::collections::BTreeMap;
use std::str::FromStr as _;

use ppspp_dissector::finding::Severity;
use ratatui::style::{Color, Modifier, Style};

use crate::index::Worst;

macro_rules! roles {
    ($( $role:ident $name:literal $dark:literal $light:literal $sixteen:literal; )+) => {
        /// The colours of everything.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub(super) struct Theme {
            $( pub(super) $role: Style, )+
        }

        /// Names of the colours, and what they are in each theme.
        pub(super) const ROLES: &[(&str, [&str; 3])] = &[$( ($name, [$dark, $light, $sixteen]) ),+];

        impl Theme {
            fn role(&mut self, name: &str) -> Option<&mut Style> {
                Some(match name {
                    $( $name => &mut self.$role, )+
                    _ => return None,
                })
            }

            fn empty() -> Self {
                Self { $( $role: Style::new(), )+ }
            }
        }
    };
}

// Each stands out from the background that its theme is for; of the terminal's own
// colours only red and magenta do so on black and on white, whatever their shades are.
roles! {
    text "text" "" "" "";
    faint "faint" "#8a8a8a" "#6c6c6c" "dim";
    title "title" "#ffffff on #303050 bold" "#000000 on #d0d0e8 bold" "bold reversed";
    tab "tab" "#b0b0b0 on #303050" "#404040 on #d0d0e8" "reversed";
    heading "heading" "#d7d7af bold" "#5f5f00 bold" "bold";
    selected "selected" "#ffffff on #005f87" "#000000 on #afd7ff" "reversed";
    unfocused "unfocused" "#ffffff on #444444" "#000000 on #dadada" "bold underlined";
    marked "marked" "#ffd75f bold" "#875f00 bold" "magenta bold underlined";
    message "message" "#5fd7ff" "#005f87" "bold";
    swarm "swarm" "#d787ff" "#8700af" "magenta";
    good "good" "#5fd75f" "#007f00" "";
    bad "bad" "#ff5f5f bold" "#c00000 bold" "red bold";
    unknown "unknown" "#d7af00" "#875f00" "magenta";
    plain "unprotected" "#8a8a8a" "#6c6c6c" "dim";
    error "error" "#ff5f5f bold" "#c00000 bold" "red bold";
    warning "warning" "#ffaf00" "#9a5000" "magenta bold";
    note "note" "#5f87ff" "#0000af" "underlined";
    bytes "bytes" "#000000 on #d7af5f" "#000000 on #ffd787" "reversed bold";
    differs "differs" "#ffaf00 bold" "#9a5000 bold" "magenta bold underlined";
    peer_one "peer-1" "#87d7af" "#005f5f" "bold";
    peer_two "peer-2" "#87afff" "#00008f" "magenta";
}

/// Which set of colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum ThemeName {
    /// For dark backgrounds, in full colour.
    #[default]
    Dark,
    /// For light backgrounds, in full colour.
    Light,
    /// The terminal's own sixteen colours.
    #[serde(rename = "16")]
    Sixteen,
    /// None.
    None,
}

impl ThemeName {
    /// Those that have a name.
    pub(super) const ALL: [(&'static str, Self); 4] = [
        ("dark", Self::Dark),
        ("light", Self::Light),
        ("16", Self::Sixteen),
        ("none", Self::None),
    ];
}

/// A colour that can't be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum ColourError {
    #[error("[colours] has no \"{0}\"; --print-config lists them")]
    UnknownRole(String),
    #[error(
        "[colours] {role}: \"{word}\" is no colour; such as \"red\", \"#ff8700 on black bold\""
    )]
    UnknownColour { role: String, word: String },
}

impl Theme {
    /// A theme with a configuration's changes.
    pub(super) fn with(
        name: ThemeName,
        changes: &BTreeMap<String, String>,
    ) -> Result<Self, ColourError> {
        let mut theme = Self::empty();
        for (role, themes) in ROLES {
            let text = match name {
                ThemeName::Dark => themes[0],
                ThemeName::Light => themes[1],
                ThemeName::Sixteen | ThemeName::None => themes[2],
            };
            if let Some(style) = theme.role(role) {
                *style = parse(role, text)?;
            }
        }
        for (role, text) in changes {
            let style = parse(role, text)?;
            match theme.role(role) {
                Some(place) => *place = style,
                None => return Err(ColourError::UnknownRole(role.clone())),
            }
        }
        if name == ThemeName::None {
            for (role, _) in ROLES {
                if let Some(style) = theme.role(role) {
                    style.fg = None;
                    style.bg = None;
                }
            }
        }
        Ok(theme)
    }

    /// The colour of a verdict.
    pub(super) const fn worst(&self, worst: Worst) -> Style {
        match worst {
            Worst::Nothing => self.text,
            Worst::Verified => self.good,
            Worst::Unprotected => self.plain,
            Worst::Unverified => self.unknown,
            Worst::Failed => self.bad,
        }
    }

    /// The colour of a severity.
    pub(super) const fn severity(&self, severity: Severity) -> Style {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
            Severity::Note => self.note,
        }
    }
}

fn parse(role: &str, text: &str) -> Result<Style, ColourError> {
    let mut style = Style::new();
    let mut is_background = false;
    for word in text.split_whitespace() {
        let modifier = match word {
            "on" => {
                is_background = true;
                continue;
            }
            "bold" => Some(Modifier::BOLD),
            "dim" => Some(Modifier::DIM),
            "italic" => Some(Modifier::ITALIC),
            "underlined" => Some(Modifier::UNDERLINED),
            "reversed" => Some(Modifier::REVERSED),
            _ => None,
        };
        if let Some(modifier) = modifier {
            style = style.add_modifier(modifier);
            continue;
        }
        let colour = Color::from_str(word).map_err(|_| ColourError::UnknownColour {
            role: role.to_owned(),
            word: word.to_owned(),
        })?;
        style = if is_background {
            style.bg(colour)
        } else {
            style.fg(colour)
        };
    }
    Ok(style)
}

/// Whether the terminal shows more than ASCII.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Marks {
    pub(super) ascii: bool,
}

impl Marks {
    /// A text as the terminal can show it.
    pub(super) fn text(self, text: &str) -> std::borrow::Cow<'_, str> {
        if !self.ascii || text.is_ascii() {
            return text.into();
        }
        text.chars()
            .map(|character| self.character(character))
            .collect()
    }

    /// A character as the terminal can show it.
    pub(super) const fn character(self, character: char) -> char {
        if !self.ascii || character.is_ascii() {
            return character;
        }
        match character {
            '✓' | '├' | '└' | '┬' | '┴' | '┼' | '┌' | '┐' | '┘' | '┤' => '+',
            '✗' | '×' => 'x',
            '·' | '∙' => '.',
            '→' | '▶' | '▸' => '>',
            '←' | '◀' => '<',
            '─' | '–' | '┄' | '▂' | '░' => '-',
            '═' | '▃' | '▒' => '=',
            '│' | '┃' | '▏' => '|',
            '┆' => ':',
            '▾' | '▼' => 'v',
            '▲' => '^',
            '●' => 'o',
            '…' => '~',
            'µ' => 'u',
            '█' | '▇' | '▆' => '#',
            '▅' | '▄' | '▓' => '*',
            '▁' => '_',
            '≠' => '!',
            _ => '?',
        }
    }

    /// What stands for the worst verdict.
    pub(super) const fn worst(self, worst: Worst) -> char {
        self.character(match worst {
            Worst::Nothing => ' ',
            Worst::Verified => '✓',
            Worst::Failed => '✗',
            Worst::Unverified => '?',
            Worst::Unprotected => '·',
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_theme_can_be_read_and_none_has_no_colour() {
        for (_, name) in ThemeName::ALL {
            let mut theme = Theme::with(name, &BTreeMap::new()).expect("a theme");
            for (role, _) in ROLES {
                let style = *theme.role(role).expect("a role");
                assert!(
                    name != ThemeName::None || (style.fg.is_none() && style.bg.is_none()),
                    "{role}"
                );
            }
        }
    }

    /// Luminance as WCAG 2 defines it.
    fn luminance(colour: Color) -> f64 {
        let [red, green, blue] = match colour {
            Color::Rgb(red, green, blue) => [red, green, blue],
            // As xterm shows them.
            Color::Red => [0xcd, 0, 0],
            Color::Magenta => [0xcd, 0, 0xcd],
            other => panic!("{other} is not legible on every background"),
        }
        .map(|part| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 {
                part / 12.92
            } else {
                ((part + 0.055) / 1.055).powf(2.4)
            }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    fn contrast(one: Color, other: Color) -> f64 {
        let (one, other) = (luminance(one), luminance(other));
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Large text and signs are legible from 3 on, small text from 4.5 on.
    #[test]
    fn every_colour_is_legible_on_the_backgrounds_of_its_theme() {
        const BLACK: Color = Color::Rgb(0, 0, 0);
        const GREY: Color = Color::Rgb(0x1e, 0x1e, 0x24);
        const PAPER: Color = Color::Rgb(0xfa, 0xf7, 0xee);
        const WHITE: Color = Color::Rgb(0xff, 0xff, 0xff);
        for (name, backgrounds, least) in [
            (ThemeName::Dark, [BLACK, GREY], 4.5),
            (ThemeName::Light, [WHITE, PAPER], 4.5),
            (ThemeName::Sixteen, [BLACK, WHITE], 3.0),
        ] {
            let mut theme = Theme::with(name, &BTreeMap::new()).expect("a theme");
            for (role, _) in ROLES {
                let style = *theme.role(role).expect("a role");
                let Some(text) = style.fg else {
                    assert_eq!(style.bg, None, "{role} has a background only");
                    continue;
                };
                for background in backgrounds {
                    let background = style.bg.unwrap_or(background);
                    let found = contrast(text, background);
                    assert!(found >= least, "{name:?} {role}: {found:.2}");
                }
            }
        }
    }

    #[test]
    fn what_is_no_colour_is_told() {
        let wrong = BTreeMap::from([("good".to_owned(), "greenish".to_owned())]);
        let error = Theme::with(ThemeName::Dark, &wrong).expect_err("no colour");
        assert!(error.to_string().contains("greenish"), "{error}");
        let wrong = BTreeMap::from([("better".to_owned(), "green".to_owned())]);
        assert_eq!(
            Theme::with(ThemeName::Dark, &wrong),
            Err(ColourError::UnknownRole("better".to_owned()))
        );
    }

    #[test]
    fn terminals_without_unicode_get_ascii_only() {
        let marks = Marks { ascii: true };
        let text = marks.text("DATA 0(13)✓ → ✗ · ═══ ▶ 12 µs …");
        assert!(text.is_ascii(), "{text}");
        assert_eq!(text, "DATA 0(13)+ > x . === > 12 us ~");
    }
}
