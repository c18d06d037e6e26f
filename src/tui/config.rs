//! The configuration file.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::column::Column;
use super::keys::{Action, KeyMap};
use super::theme::{Marks, ROLES, Theme, ThemeName};

/// What a configuration file may say.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct File {
    theme: ThemeName,
    ascii: Option<bool>,
    mouse: Option<bool>,
    columns: Option<Vec<String>>,
    keys: BTreeMap<String, Keys>,
    colours: BTreeMap<String, String>,
}

/// One key or several.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Keys {
    One(String),
    Several(Vec<String>),
}

/// How the user interface looks and is used.
#[derive(Clone, Debug)]
pub struct Settings {
    pub(super) keys: KeyMap,
    pub(super) theme: Theme,
    pub(super) marks: Marks,
    pub(super) mouse: bool,
    pub(super) columns: Vec<Column>,
    pub(super) colours: BTreeMap<String, String>,
}

/// Whether the user's environment can show what lies beyond ASCII, and wants
/// colours.
#[derive(Clone, Copy, Debug)]
pub struct Environment {
    /// Whether the locale is UTF-8.
    pub utf8: bool,
    /// Whether colours are wanted.
    pub colour: bool,
    /// Whether the terminal has more than sixteen colours.
    pub full_colour: bool,
    /// Whether the terminal says that its background is light.
    pub light: bool,
}

impl Environment {
    /// What the environment's variables say.
    pub fn from_variables(colour: bool) -> Self {
        let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(variable)
            .unwrap_or_default()
            .to_ascii_lowercase();
        let terminal = variable("TERM").unwrap_or_default();
        Self {
            utf8: locale.contains("utf-8") || locale.contains("utf8"),
            colour,
            full_colour: variable("COLORTERM")
                .is_some_and(|value| value == "truecolor" || value == "24bit")
                || terminal.contains("direct"),
            // Foreground and background by their numbers, such as "0;15".
            light: variable("COLORFGBG").is_some_and(|value| {
                let background = value.rsplit(';').next();
                matches!(background, Some("7" | "15"))
            }),
        }
    }
}

impl Settings {
    /// The settings of a file, or of the user's own file where none is named.
    ///
    /// # Errors
    /// When the file can't be read or says something that it can't say.
    pub fn load(file: Option<&Path>, environment: Environment) -> Result<Self> {
        let own = own_file().filter(|path| file.is_none() && path.exists());
        let Some(path) = file.or(own.as_deref()) else {
            return Self::parse("", environment);
        };
        let name = path.display();
        let text = std::fs::read_to_string(path).with_context(|| name.to_string())?;
        Self::parse(&text, environment).with_context(|| name.to_string())
    }

    /// The settings that a file's text makes.
    ///
    /// # Errors
    /// When it says something that it can't say.
    pub fn parse(text: &str, environment: Environment) -> Result<Self> {
        let has_theme = text
            .lines()
            .any(|line| line.trim_start().starts_with("theme"));
        let file: File = toml::from_str(text)?;
        let theme = match file.theme {
            _ if !environment.colour => ThemeName::None,
            ThemeName::Dark if !has_theme && !environment.full_colour => ThemeName::Sixteen,
            ThemeName::Dark if !has_theme && environment.light => ThemeName::Light,
            name => name,
        };
        let keys = file
            .keys
            .into_iter()
            .map(|(action, keys)| {
                let keys = match keys {
                    Keys::One(key) => vec![key],
                    Keys::Several(keys) => keys,
                };
                (action, keys)
            })
            .collect();
        let columns = match file.columns {
            Some(names) => columns(names.iter().map(String::as_str))?,
            None => Column::DEFAULT.to_vec(),
        };
        Ok(Self {
            keys: KeyMap::with(&keys)?,
            theme: Theme::with(theme, &file.colours)?,
            marks: Marks {
                ascii: file.ascii.unwrap_or(!environment.utf8),
            },
            mouse: file.mouse.unwrap_or(true),
            columns,
            colours: file.colours,
        })
    }
}

/// Columns by their names.
pub(super) fn columns<'n>(names: impl Iterator<Item = &'n str>) -> Result<Vec<Column>> {
    let columns: Vec<Column> = names
        .map(|name| {
            Column::by_name(name).with_context(|| {
                let known: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
                format!("\"{name}\" is no column; there are {}", known.join(", "))
            })
        })
        .collect::<Result<_>>()?;
    if columns.is_empty() {
        bail!("at least one column must be left");
    }
    Ok(columns)
}

/// Where the user's own file is.
fn own_file() -> Option<PathBuf> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let base = variable("XDG_CONFIG_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(variable("HOME")?).join(".config")))?;
    Some(base.join("ppsp-inspect").join("config.toml"))
}

/// A configuration file that says what goes without saying.
pub fn print_config() -> String {
    let mut text = "\
# Configuration of ppsp-inspect's terminal UI. What is left out is as here.
# Read from --config FILE, or $XDG_CONFIG_HOME/ppsp-inspect/config.toml.

# dark, light, 16 (the terminal's own colours) or none; where this is left out, on
# terminals with full colour light where COLORFGBG tells of a light background, else
# dark; on others 16. NO_COLOR means none.
# theme = \"dark\"

# Marks in ASCII; where this is left out, when the locale is not UTF-8.
# ascii = false

# Whether the mouse is used.
mouse = true

"
    .to_owned();
    let columns: Vec<_> = Column::DEFAULT
        .iter()
        .map(|column| format!("\"{}\"", column.name()))
        .collect();
    let all: Vec<_> = Column::ALL.iter().map(|column| column.name()).collect();
    // Writing to a String does not fail.
    let _ = writeln!(text, "# Of the list of packets: {}.", all.join(", "));
    let _ = writeln!(text, "columns = [{}]\n\n[keys]", columns.join(", "));
    if let Ok(map) = KeyMap::with(&BTreeMap::new()) {
        for action in Action::ALL {
            let keys: Vec<_> = map
                .keys(*action)
                .iter()
                .map(|key| format!("{key:?}"))
                .collect();
            let _ = writeln!(
                text,
                "{} = [{}]  # {}",
                action.name(),
                keys.join(", "),
                action.text()
            );
        }
    }
    let _ = writeln!(text, "\n# Of the theme dark.\n[colours]");
    for (role, themes) in ROLES {
        let _ = writeln!(text, "# {role} = {:?}", themes[0]);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Environment = Environment {
        utf8: true,
        colour: true,
        full_colour: true,
        light: false,
    };

    #[test]
    fn the_printed_configuration_can_be_read_and_changes_nothing() {
        let settings = Settings::parse(&print_config(), PLAIN).expect("fine");
        let default = Settings::parse("", PLAIN).expect("fine");
        assert_eq!(settings.theme, default.theme);
        assert_eq!(settings.columns, default.columns);
        for action in Action::ALL {
            assert_eq!(settings.keys.keys(*action), default.keys.keys(*action));
        }
    }

    #[test]
    fn mistakes_are_told_with_their_line_or_name() {
        for (text, expected) in [
            ("colour = 1", "unknown field `colour`"),
            ("[keys]\nquit = \"j\"", "bound twice"),
            (
                "columns = [\"frame\", \"weight\"]",
                "\"weight\" is no column",
            ),
            ("theme = \"pink\"", "unknown variant `pink`"),
            (
                "[colours]\ngood = \"greenish\"",
                "\"greenish\" is no colour",
            ),
        ] {
            let error = Settings::parse(text, PLAIN).expect_err("a mistake");
            assert!(format!("{error:#}").contains(expected), "{error:#}");
        }
    }

    #[test]
    fn no_colour_wins_over_the_file() {
        let environment = Environment {
            colour: false,
            ..PLAIN
        };
        let settings = Settings::parse("theme = \"light\"", environment).expect("fine");
        let none = Theme::with(ThemeName::None, &BTreeMap::new()).expect("fine");
        assert_eq!(settings.theme, none);
    }
}
