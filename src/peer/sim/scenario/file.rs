//! The scenario file as it is written, before its parts are put together.
//!
//! No field may be unknown: a mistyped one would silently have no effect.

use serde::Deserialize;
use toml::Spanned;

use super::Role;
use super::policies::{Misbehaviour, Policies};
use super::quantity::{Chance, Rate, Size, Time};
use crate::peer::sim::chance::Probability;
use crate::peer::sim::link::{Bursts, Jitter, JitterShape, LinkSettings, Reordering};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) seed: u64,
    pub(super) duration: Spanned<Time>,
    #[serde(default)]
    pub(super) defaults: Defaults,
    #[serde(default)]
    pub(super) bottlenecks: Vec<Bottleneck>,
    pub(super) content: Option<Content>,
    pub(super) nodes: Spanned<Vec<Group>>,
    pub(super) output: Option<Output>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Defaults {
    #[serde(default)]
    pub(super) uplink: Link,
    #[serde(default)]
    pub(super) downlink: Link,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Bottleneck {
    pub(super) name: Spanned<String>,
    #[serde(default)]
    pub(super) link: Link,
}

/// What is not set is as in the defaults.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    bandwidth: Option<Rate>,
    delay: Option<Time>,
    jitter: Option<Time>,
    jitter_shape: Option<Shape>,
    loss: Option<Chance>,
    bursts: Option<Burst>,
    reordering: Option<Reorder>,
    duplication: Option<Chance>,
    queue: Option<Size>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Shape {
    Uniform,
    Bell,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Burst {
    begin: Chance,
    end: Chance,
    loss: Option<Chance>,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reorder {
    probability: Chance,
    lateness: Time,
}

impl Link {
    /// Puts what is set here over `settings`.
    pub(super) fn over(self, settings: &LinkSettings) -> LinkSettings {
        let bursts = self.bursts.map(|bursts| Bursts {
            begin: bursts.begin.0,
            end: bursts.end.0,
            loss: bursts.loss.map_or(Probability::ALWAYS, |loss| loss.0),
        });
        let reordering = self.reordering.map(|reordering| Reordering {
            probability: reordering.probability.0,
            lateness: reordering.lateness.0,
        });
        LinkSettings {
            bandwidth: self
                .bandwidth
                .map_or(settings.bandwidth, |rate| Some(rate.0)),
            delay: self.delay.map_or(settings.delay, |delay| delay.0),
            jitter: Jitter {
                most: self.jitter.map_or(settings.jitter.most, |most| most.0),
                shape: match self.jitter_shape {
                    None => settings.jitter.shape,
                    Some(Shape::Uniform) => JitterShape::Uniform,
                    Some(Shape::Bell) => JitterShape::Bell,
                },
            },
            loss: self.loss.map_or(settings.loss, |loss| loss.0),
            bursts: bursts.or(settings.bursts),
            reordering: reordering.or(settings.reordering),
            duplication: self
                .duplication
                .map_or(settings.duplication, |chance| chance.0),
            queue_bytes: self.queue.map_or(settings.queue_bytes, |size| size.0),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Content {
    pub(super) kind: Kind,
    pub(super) size: Option<Spanned<Size>>,
    pub(super) rate: Option<Spanned<Rate>>,
    pub(super) discard_window: Option<Spanned<u32>>,
    pub(super) signature_algorithm: Option<Spanned<String>>,
    pub(super) chunks_per_signature: Option<Spanned<u32>>,
    #[serde(default = "default_chunk_size")]
    pub(super) chunk_size: Spanned<u32>,
    #[serde(rename = "content_integrity")]
    pub(super) integrity: Option<Spanned<String>>,
    pub(super) hash_function: Option<Spanned<String>>,
    pub(super) chunk_addressing: Option<Spanned<String>>,
}

/// Whether content is all there from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    Static,
    Live,
}

fn default_chunk_size() -> Spanned<u32> {
    Spanned::new(0..0, 1_024)
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    pub(super) name: Spanned<String>,
    pub(super) count: Option<Spanned<u32>>,
    pub(super) role: Spanned<Role>,
    pub(super) to: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) start: Time,
    #[serde(default)]
    pub(super) spread: Time,
    pub(super) crash: Option<Spanned<Time>>,
    pub(super) leave: Option<Spanned<Time>>,
    pub(super) misbehaviour: Option<Misbehaviour>,
    #[serde(default)]
    pub(super) policies: Policies,
    #[serde(default)]
    pub(super) uplink: Link,
    #[serde(default)]
    pub(super) downlink: Link,
    #[serde(default)]
    pub(super) uplink_via: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) downlink_via: Vec<Spanned<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Output {
    pub(super) pcapng: Option<String>,
    #[serde(default)]
    pub(super) at: Vec<Spanned<String>>,
}
