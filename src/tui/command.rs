//! The commands behind `:`.

use std::ops::Range;
use std::path::PathBuf;

use super::column::Column;
use super::theme::ThemeName;
use crate::output::TimeStyle;

/// A command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// To a frame.
    Goto(u64),
    /// Show only what fits; empty shows all.
    Filter(String),
    /// Marked or else shown datagrams as pcapng; whether over a file that exists.
    Write(PathBuf, bool),
    /// The same as text or JSON lines.
    Export(PathBuf, bool),
    /// Columns of the list.
    Columns(Vec<Column>),
    /// Colours.
    Theme(ThemeName),
    /// Times.
    Time(TimeStyle),
    /// Stand still, or go on.
    Pause,
    /// To the newest datagram, and stay at the newest.
    Follow,
    /// Forget what came until now.
    Clear,
    /// Forget all marks.
    Unmark,
    /// Help.
    Help,
    /// The end.
    Quit,
}

const COMMANDS: [(&str, &str); 11] = [
    (
        "goto ",
        "FRAME: to the datagram of this frame, or the next one",
    ),
    ("filter ", "FILTER: show only what fits; without one, all"),
    (
        "write ",
        "FILE: marked datagrams, else those shown, as pcapng; write! over a file",
    ),
    (
        "export ",
        "FILE: the same as text, or as JSON lines where it ends with .jsonl",
    ),
    ("set ", "columns, theme, time"),
    (
        "pause",
        "stand still while datagrams go on coming; again: go on",
    ),
    ("follow", "to the newest datagram, and stay at the newest"),
    (
        "clear",
        "forget what came until now; counters begin at nothing",
    ),
    ("unmark", "forget all marks"),
    ("help", "keys of this view"),
    ("quit", ""),
];

const TIMES: [(&str, TimeStyle); 3] = [
    ("relative", TimeStyle::Relative),
    ("delta", TimeStyle::Delta),
    ("absolute", TimeStyle::Absolute),
];

impl Command {
    /// Reads a command.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        if let Ok(frame) = text.parse() {
            return Ok(Self::Goto(frame));
        }
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        let rest = rest.trim();
        let file = || {
            if rest.is_empty() {
                Err(format!("{name} needs the name of a file"))
            } else {
                Ok(PathBuf::from(rest))
            }
        };
        Ok(match name {
            "goto" | "g" => match rest.parse() {
                Ok(frame) => Self::Goto(frame),
                Err(_) => return Err("goto needs the number of a frame".to_owned()),
            },
            "filter" | "f" => Self::Filter(rest.to_owned()),
            "write" | "w" => Self::Write(file()?, false),
            "write!" | "w!" => Self::Write(file()?, true),
            "export" => Self::Export(file()?, false),
            "export!" => Self::Export(file()?, true),
            "set" => return parse_set(rest),
            "pause" => Self::Pause,
            "follow" => Self::Follow,
            "clear" => Self::Clear,
            "unmark" => Self::Unmark,
            "help" | "h" => Self::Help,
            "quit" | "q" | "q!" => Self::Quit,
            _ => {
                return Err(format!(
                    "there is no command \"{name}\"; Tab shows those there are"
                ));
            }
        })
    }
}

fn parse_set(text: &str) -> Result<Command, String> {
    let (name, value) = text.split_once([' ', '=']).unwrap_or((text, ""));
    let value = value.trim();
    match name {
        "columns" => {
            let names = value.split([',', ' ']).filter(|name| !name.is_empty());
            super::config::columns(names)
                .map(Command::Columns)
                .map_err(|error| error.to_string())
        }
        "theme" => {
            let found = ThemeName::ALL.iter().find(|(name, _)| *name == value);
            let found = found.map(|(_, theme)| Command::Theme(*theme));
            found.ok_or_else(|| "themes are dark, light, 16 and none".to_owned())
        }
        "time" => {
            let found = TIMES.iter().find(|(name, _)| *name == value);
            let found = found.map(|(_, style)| Command::Time(*style));
            found.ok_or_else(|| "times are relative, delta and absolute".to_owned())
        }
        _ => Err("columns, theme and time can be set".to_owned()),
    }
}

/// What could stand at the end of a text, and which part of it that replaces.
pub(super) fn complete(text: &str) -> (Range<usize>, Vec<(String, String)>) {
    let start = text.rfind([' ', ',']).map_or(0, |place| place + 1);
    let word = text.get(start..).unwrap_or_default();
    let words: Vec<&str> = text
        .get(..start)
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let all: Vec<(String, String)> = match words.as_slice() {
        [] => COMMANDS
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect(),
        ["set"] => ["columns ", "theme ", "time "]
            .map(|name| (name.to_owned(), String::new()))
            .to_vec(),
        ["set", "columns", ..] => Column::ALL
            .map(|column| (column.name().to_owned(), String::new()))
            .to_vec(),
        ["set", "theme"] => ThemeName::ALL
            .map(|(name, _)| (name.to_owned(), String::new()))
            .to_vec(),
        ["set", "time"] => TIMES
            .map(|(name, _)| (name.to_owned(), String::new()))
            .to_vec(),
        ["filter", ..] => {
            let begin = text.len() - text.trim_start().len() + "filter ".len();
            let filter = text.get(begin..).unwrap_or_default();
            let completion = ppspp_dissector::filter::complete(filter, filter.len());
            let candidates = completion.candidates.into_iter();
            let candidates = candidates.map(|one| (one.text, one.description)).collect();
            let replaces = completion.replaces;
            return (begin + replaces.start..begin + replaces.end, candidates);
        }
        ["write" | "write!" | "export" | "export!"] => files(word),
        _ => Vec::new(),
    };
    let fitting = all.into_iter().filter(|(name, _)| name.starts_with(word));
    (start..text.len(), fitting.collect())
}

/// Files whose path begins like this.
fn files(word: &str) -> Vec<(String, String)> {
    let (folder, _) = word
        .rsplit_once('/')
        .map_or(("", word), |(folder, name)| (folder, name));
    let prefix = if word.contains('/') {
        format!("{folder}/")
    } else {
        String::new()
    };
    let listed = std::fs::read_dir(match (prefix.is_empty(), folder.is_empty()) {
        (true, _) => ".",
        (false, true) => "/",
        (false, false) => folder,
    });
    let mut names: Vec<_> = listed
        .into_iter()
        .flatten()
        .flatten()
        .take(4096)
        .map(|entry| {
            let ending = if entry.path().is_dir() { "/" } else { "" };
            let name = entry.file_name().to_string_lossy().into_owned();
            (format!("{prefix}{name}{ending}"), String::new())
        })
        .collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_read_or_told_what_is_wrong() {
        assert_eq!(Command::parse("goto 12"), Ok(Command::Goto(12)));
        assert_eq!(Command::parse("25"), Ok(Command::Goto(25)));
        assert_eq!(
            Command::parse("write! a b.pcapng"),
            Ok(Command::Write("a b.pcapng".into(), true))
        );
        assert_eq!(
            Command::parse("set columns frame,messages"),
            Ok(Command::Columns(vec![Column::Frame, Column::Messages]))
        );
        assert_eq!(
            Command::parse("set theme 16"),
            Ok(Command::Theme(ThemeName::Sixteen))
        );
        for wrong in [
            "",
            "goto",
            "goto x",
            "write",
            "set",
            "set theme pink",
            "set columns",
            "bogus",
        ] {
            assert!(Command::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn completion_knows_the_words_of_each_command() {
        let names =
            |text| -> Vec<String> { complete(text).1.into_iter().map(|(name, _)| name).collect() };
        assert_eq!(names("wr"), ["write "]);
        assert_eq!(names("set t"), ["theme ", "time "]);
        assert_eq!(names("set columns frame,me"), ["messages"]);
        assert_eq!(complete("set columns frame,me").0, 18..20);
        assert!(names("filter udp.p").contains(&"udp.port".to_owned()));
        assert!(names("write /").contains(&"/tmp/".to_owned()));
    }
}
