//! In which of several ways a peer does things, and what it does wrong.

use std::time::Duration;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, Serialize};

use super::quantity::{Rate, Time};
use crate::peer::engine::{Picking, Profile, Reciprocity};
use crate::peer::sim::link::Bandwidth;

/// What a peer does wrong on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Misbehaviour {
    /// Sends chunks whose bytes are not the content.
    Liar,
    /// Sends hashes that are not those of the content.
    WrongHash,
    /// Has everything, says so, and never sends a chunk.
    Silent,
    /// Stops without a word when it has got, or else served, half of the
    /// content. What stops at a time is told by `crash` beside the role.
    Crash,
    /// Sends four chunks a second.
    Slow,
    /// Sends everybody whom it has a channel to, besides what an honest peer
    /// does, five hundred datagrams a second of what nobody asked for.
    Flooder,
}

/// How a leecher learns of others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Discovery {
    /// It knows the seeders, and of others what peers tell (RFC 7574, section
    /// 3.10.1).
    #[default]
    Pex,
    /// It knows ten peers drawn from all, as of a tracker; peers tell it more.
    Tracker,
}

/// In which of several ways a peer does things.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Policies {
    /// Which chunks it asks for first.
    #[serde(deserialize_with = "picking")]
    pub picking: Picking,
    /// Whom it serves.
    #[serde(deserialize_with = "reciprocity")]
    pub reciprocity: Reciprocity,
    /// How it writes handshakes.
    #[serde(deserialize_with = "dialect")]
    pub dialect: &'static Profile,
    /// How it learns of others.
    pub discovery: Discovery,
    /// What it sends at most, of UDP payload.
    #[serde(deserialize_with = "rate")]
    pub rate: Option<Bandwidth>,
    /// LEDBAT's target delay.
    #[serde(deserialize_with = "time")]
    pub ledbat_target: Option<Duration>,
}

impl Default for Policies {
    fn default() -> Self {
        Self {
            picking: Picking::default(),
            reciprocity: Reciprocity::default(),
            dialect: &Profile::RFC,
            discovery: Discovery::default(),
            rate: None,
            ledbat_target: None,
        }
    }
}

fn picking<'de, D: Deserializer<'de>>(from: D) -> Result<Picking, D::Error> {
    named(from, &Picking::ALL.map(|it| (it.name(), it)))
}

fn reciprocity<'de, D: Deserializer<'de>>(from: D) -> Result<Reciprocity, D::Error> {
    named(from, &Reciprocity::ALL.map(|it| (it.name(), it)))
}

fn dialect<'de, D: Deserializer<'de>>(from: D) -> Result<&'static Profile, D::Error> {
    named(from, &Profile::ALL.map(|it| (it.name, it)))
}

fn rate<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Bandwidth>, D::Error> {
    Rate::deserialize(from).map(|rate| Some(rate.0))
}

fn time<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
    Time::deserialize(from).map(|time| Some(time.0))
}

/// One of several by its name.
fn named<'de, D: Deserializer<'de>, T: Copy>(from: D, all: &[(&str, T)]) -> Result<T, D::Error> {
    let wanted = String::deserialize(from)?;
    let found = all.iter().find(|(name, _)| *name == wanted);
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = all.iter().map(|(name, _)| *name).collect();
        D::Error::custom(format!("{wanted:?} is none of {}", names.join(", ")))
    })
}
