//! The file of `probe matrix`: targets, each with what `probe` takes on its
//! command line.
//!
//! ```toml
//! [defaults]
//! timeout = 0.6
//! jobs = 6
//!
//! [[targets]]
//! name = "ours"
//! exec = "ppsp-inspect peer seed video.mp4 --listen {addr}"
//! swarm = "c0b9a954747d46ab4bd8e7cad127756b4102521f"
//! expect = "ours.expect"
//! exclude = ["8.15", "12.1.1"]
//! ```
//!
//! A key is an option of `probe` without its dashes, so what one of them may say is
//! written once, and is the same here and there.

use std::collections::BTreeMap;
use std::fmt;
use std::net::UdpSocket;
use std::ops::Range;
use std::path::Path;

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, ArgAction, Args as _, Command, FromArgMatches as _};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::probe_args::{ProbeArgs, REPORT_OPTIONS};

/// A target of the matrix.
#[derive(Debug)]
pub(super) struct Target {
    /// What its column is called.
    pub(super) name: String,
    /// How it is probed.
    pub(super) args: ProbeArgs,
}

/// What is wrong with the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TargetsError {
    /// The line, from 1, and its text.
    place: Option<(usize, String)>,
    problem: String,
}

impl fmt::Display for TargetsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some((line, text)) => write!(f, "line {line}: {}\n  {text}", self.problem),
            None => f.write_str(&self.problem),
        }
    }
}

impl std::error::Error for TargetsError {}

/// A value and where it is.
type Values<'a> = BTreeMap<&'a str, (Range<usize>, &'a DeValue<'a>)>;

/// What every target needs, as an example that an error shows.
const EXAMPLE: &str = "[[targets]] with name, swarm, and address or exec";

/// Reads the targets of a file. Other files that it names are relative to `folder`.
///
/// # Errors
/// When it is not TOML, or says what `probe` does not take. The error tells the
/// line and what to do.
pub(super) fn targets(text: &str, folder: &Path) -> Result<Vec<Target>, TargetsError> {
    let reader = Reader {
        text,
        folder,
        grammar: ProbeArgs::augment_args(Command::new("probe")),
    };
    let file = DeTable::parse(text)
        .map_err(|error| reader.error(error.span(), error.message().trim().to_owned()))?;
    let mut defaults = Values::new();
    let mut tables: &[Spanned<DeValue<'_>>] = &[];
    for (key, value) in file.get_ref() {
        match (key.get_ref().as_ref(), value.get_ref()) {
            ("defaults", DeValue::Table(table)) => defaults = reader.values(table, false)?,
            ("targets", DeValue::Array(array)) => tables = array,
            ("defaults" | "targets", _) => {
                return Err(reader.error(
                    Some(key.span()),
                    "write [defaults] once, and [[targets]] for each target",
                ));
            }
            (other, _) => {
                return Err(reader.error(
                    Some(key.span()),
                    format!("unknown key `{other}`: the file has [defaults] and {EXAMPLE}"),
                ));
            }
        }
    }
    let mut found: Vec<Target> = Vec::new();
    for table in tables {
        let DeValue::Table(values) = table.get_ref() else {
            return Err(reader.error(Some(table.span()), format!("no target: {EXAMPLE}")));
        };
        let target = reader.target(table.span(), values, &defaults)?;
        if found.iter().any(|other| other.name == target.name) {
            return Err(reader.error(
                Some(table.span()),
                format!(
                    "a second target of the name \"{}\"; name one otherwise",
                    target.name
                ),
            ));
        }
        found.push(target);
    }
    if found.is_empty() {
        return Err(reader.error(None, format!("the file names no target: write {EXAMPLE}")));
    }
    Ok(found)
}

struct Reader<'a> {
    text: &'a str,
    folder: &'a Path,
    grammar: Command,
}

impl Reader<'_> {
    fn error(&self, place: Option<Range<usize>>, problem: impl Into<String>) -> TargetsError {
        let before = place.and_then(|place| self.text.get(..place.start));
        let line = before.map(|before| before.matches('\n').count());
        let text = line.and_then(|line| self.text.lines().nth(line));
        TargetsError {
            place: line.map(|line| (line + 1, text.unwrap_or_default().trim().to_owned())),
            problem: problem.into(),
        }
    }

    /// The options of `probe` that a target may set: those that tell of the target
    /// and of the cases, not where reports go.
    fn options(&self) -> impl Iterator<Item = &Arg> {
        self.grammar.get_arguments().filter(|arg| {
            arg.get_long()
                .is_some_and(|long| !REPORT_OPTIONS.contains(&long))
        })
    }

    fn option(&self, key: &str) -> Option<&Arg> {
        self.options().find(|arg| arg.get_long() == Some(key))
    }

    /// The keys of a table and what they say.
    fn values<'a>(
        &self,
        table: &'a DeTable<'a>,
        is_target: bool,
    ) -> Result<Values<'a>, TargetsError> {
        let mut values = Values::new();
        for (key, value) in table {
            let name = key.get_ref().as_ref();
            let is_own = is_target && ["name", "address"].contains(&name);
            if !is_own && self.option(name).is_none() {
                let own = if is_target { "name, address, " } else { "" };
                let mut known: Vec<&str> = self.options().filter_map(Arg::get_long).collect();
                known.sort_unstable();
                return Err(self.error(
                    Some(key.span()),
                    format!("unknown key `{name}`: there are {own}{}", known.join(", ")),
                ));
            }
            values.insert(name, (key.span(), value.get_ref()));
        }
        Ok(values)
    }

    fn target(
        &self,
        place: Range<usize>,
        table: &DeTable<'_>,
        defaults: &Values<'_>,
    ) -> Result<Target, TargetsError> {
        let own = self.values(table, true)?;
        let missing = |key: &str| self.error(Some(place.clone()), format!("{key} is missing"));
        let text_of = |key: &str| match own.get(key) {
            Some((_, DeValue::String(text))) if !text.is_empty() => Ok(Some(text.to_string())),
            Some((place, _)) => Err(self.error(
                Some(place.clone()),
                format!("{key}: write some text, in quotation marks"),
            )),
            None => Ok(None),
        };
        let name = text_of("name")?.ok_or_else(|| missing("`name`, what its column is called,"))?;
        let is_there = |key: &str| own.contains_key(key) || defaults.contains_key(key);
        let mut words = vec!["probe".to_owned()];
        // Who comes to us is told where to, and in which swarm.
        let comes = is_there("serve");
        match text_of("address")? {
            Some(_) if comes => {
                let place = own.get("address").map(|(place, _)| place.clone());
                let problem = "with `serve` the target comes to us: take `address` away";
                return Err(self.error(place, problem));
            }
            Some(address) => words.push(address),
            None if comes => {}
            None if is_there("exec") => words.push(free_address()),
            None => {
                return Err(missing(
                    "`address`, or `exec` that starts the target, or `serve` for one that comes to us,",
                ));
            }
        }
        if !comes && !is_there("swarm") {
            return Err(missing("`swarm`, the swarm ID in hexadecimal digits,"));
        }
        let is_left_out = |key: &str| own.contains_key(key) || comes && key == "swarm";
        let set = defaults.iter().filter(|(key, _)| !is_left_out(key));
        for (key, (place, value)) in set.chain(&own) {
            if let Some(option) = self.option(key) {
                self.add(option, key, value, &mut words)
                    .map_err(|problem| self.error(Some(place.clone()), problem))?;
            }
        }
        let args = self
            .grammar
            .clone()
            .try_get_matches_from(words)
            .and_then(|matches| ProbeArgs::from_arg_matches(&matches))
            .map_err(|error| {
                let key = key_of(&error);
                let (place, key) = match key.as_deref().map(|key| (own.get(key), key)) {
                    Some((Some((place, _)), key)) => (place.clone(), key),
                    Some((None, key)) => match defaults.get(key) {
                        Some((place, _)) => (place.clone(), key),
                        None => (place.clone(), key),
                    },
                    None => (place.clone(), ""),
                };
                self.error(Some(place), problem_of(&error, key))
            })?;
        Ok(Target { name, args })
    }

    /// Adds an option as the command line has it.
    fn add(
        &self,
        option: &Arg,
        key: &str,
        value: &DeValue<'_>,
        words: &mut Vec<String>,
    ) -> Result<(), String> {
        let is_flag = matches!(option.get_action(), ArgAction::SetTrue);
        let needs_no_value = option
            .get_num_args()
            .is_some_and(|count| count.min_values() == 0);
        match value {
            DeValue::Boolean(true) if needs_no_value => {
                words.push(format!("--{key}"));
                return Ok(());
            }
            DeValue::Boolean(wanted) if is_flag => {
                if *wanted {
                    words.push(format!("--{key}"));
                }
                return Ok(());
            }
            _ if is_flag => return Err(format!("{key}: write true or false")),
            DeValue::Array(several) if matches!(option.get_action(), ArgAction::Append) => {
                for one in several {
                    self.add(option, key, one.get_ref(), words)?;
                }
                return Ok(());
            }
            _ => {}
        }
        let text = match value {
            DeValue::String(text) if ["expect", "write", "content", "key"].contains(&key) => {
                self.folder.join(text.as_ref()).display().to_string()
            }
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.to_string(),
            DeValue::Float(number) => number.to_string(),
            DeValue::Array(_) => return Err(format!("{key}: one value, not several")),
            DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Table(_) => {
                return Err(format!("{key}: write text or a number"));
            }
        };
        words.push(format!("--{key}={text}"));
        Ok(())
    }
}

/// The key that an error of the command line is about.
fn key_of(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(option) => {
            let name = option.split([' ', '=']).next()?;
            Some(name.strip_prefix("--")?.to_owned())
        }
        _ => None,
    }
}

/// What is wrong, without words that only a command line has.
fn problem_of(error: &clap::Error, key: &str) -> String {
    let whole = error.to_string();
    let first = whole.lines().next().unwrap_or_default();
    let text = first.strip_prefix("error: ").unwrap_or(first);
    let allowed = whole
        .lines()
        .find_map(|line| line.trim().strip_prefix("[possible values: "))
        .and_then(|line| line.strip_suffix(']'));
    match (key, allowed, text.split_once("': ")) {
        ("", _, _) => text.to_owned(),
        (key, Some(allowed), _) => format!("{key}: it is one of {allowed}"),
        (key, None, Some((_, reason))) => format!("{key}: {reason}"),
        (key, None, None) => format!("{key}: {text}"),
    }
}

/// An address at which a target may be started: nobody has the port just now.
fn free_address() -> String {
    let port = UdpSocket::bind(("127.0.0.1", 0)).and_then(|socket| socket.local_addr());
    port.map_or_else(
        |_| "127.0.0.1:6778".to_owned(),
        |address| address.to_string(),
    )
}

#[cfg(test)]
#[path = "probe_targets_tests.rs"]
mod tests;
