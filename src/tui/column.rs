//! The columns of the list of packets.

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::Record;

use crate::index::Item;
use crate::output::{sentence_begun, short_swarm};

/// One column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Frame,
    Time,
    From,
    To,
    Swarm,
    Channel,
    Length,
    Latency,
    Finding,
    Messages,
}

impl Column {
    /// All of them.
    pub(super) const ALL: [Self; 10] = [
        Self::Frame,
        Self::Time,
        Self::From,
        Self::To,
        Self::Swarm,
        Self::Channel,
        Self::Length,
        Self::Latency,
        Self::Finding,
        Self::Messages,
    ];

    /// Those that are shown unless the user says otherwise.
    pub(super) const DEFAULT: [Self; 6] = [
        Self::Frame,
        Self::Time,
        Self::From,
        Self::To,
        Self::Swarm,
        Self::Messages,
    ];

    /// The name in the configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Frame => "frame",
            Self::Time => "time",
            Self::From => "from",
            Self::To => "to",
            Self::Swarm => "swarm",
            Self::Channel => "channel",
            Self::Length => "length",
            Self::Latency => "latency",
            Self::Finding => "finding",
            Self::Messages => "messages",
        }
    }

    /// The column with this name.
    pub(super) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|column| column.name() == name)
    }

    /// What stands over it.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Frame => "Frame",
            Self::Time => "Time",
            Self::From => "From",
            Self::To => "To",
            Self::Swarm => "Swarm",
            Self::Channel => "Channel",
            Self::Length => "Length",
            Self::Latency => "Latency",
            Self::Finding => "Finding",
            Self::Messages => "Messages",
        }
    }

    /// Whether its values stand at its right end.
    pub(super) const fn is_right(self) -> bool {
        matches!(
            self,
            Self::Frame | Self::Time | Self::Length | Self::Latency
        )
    }

    /// Columns of the screen that it takes at least; the last one takes the rest.
    pub(super) const fn width(self) -> u16 {
        match self {
            Self::Frame | Self::Length => 7,
            Self::Time => 10,
            Self::From | Self::To => 15,
            Self::Swarm => 6,
            Self::Channel | Self::Latency => 8,
            Self::Finding => 24,
            Self::Messages => 30,
        }
    }

    /// What a datagram has in it; times are the caller's.
    pub(super) fn text(self, item: &Item<'_>, record: &Record<'_, '_>) -> String {
        match self {
            Self::Frame => item.datagram.frame.to_string(),
            Self::Time => String::new(),
            Self::From => item.datagram.source.to_string(),
            Self::To => item.datagram.destination.to_string(),
            Self::Swarm => short_swarm(record.swarm),
            Self::Channel => record
                .channel_id
                .map_or_else(String::new, |id| id.to_string()),
            Self::Length => item.datagram.wire_length.to_string(),
            Self::Latency => item.latency.map_or_else(String::new, duration),
            Self::Finding => gravest(record).unwrap_or_default(),
            Self::Messages => sentence_begun(record),
        }
    }
}

/// The gravest finding above a note, and how many more there are.
pub(super) fn gravest(record: &Record<'_, '_>) -> Option<String> {
    let worth = record
        .findings
        .iter()
        .map(|finding| finding.id.entry())
        .filter(|entry| entry.severity > Severity::Note);
    let entry = worth.clone().max_by_key(|entry| entry.severity)?;
    let more = worth.count() - 1;
    Some(if more > 0 {
        format!("! {} +{more}", entry.name)
    } else {
        format!("! {}", entry.name)
    })
}

/// A duration of nanoseconds in few characters.
pub(super) fn duration(nanoseconds: u64) -> String {
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..10_000_000 => format!("{} µs", nanoseconds / 1_000),
        10_000_000..10_000_000_000 => format!("{} ms", nanoseconds / 1_000_000),
        _ => format!("{} s", nanoseconds / 1_000_000_000),
    }
}

/// A number of bytes in few characters.
pub(super) fn bytes(count: u64) -> String {
    match count {
        0..10_000 => format!("{count} B"),
        10_000..10_000_000 => format!("{} kB", count / 1_000),
        10_000_000..10_000_000_000 => format!("{} MB", count / 1_000_000),
        _ => format!("{} GB", count / 1_000_000_000),
    }
}

/// A rate of bytes in few characters.
pub(super) fn rate(count: u64, nanoseconds: i64) -> String {
    match u64::try_from(nanoseconds) {
        Ok(time) if time > 0 => {
            let rate = u128::from(count) * 1_000_000_000 / u128::from(time);
            format!("{}/s", bytes(u64::try_from(rate).unwrap_or(u64::MAX)))
        }
        _ => "–".to_owned(),
    }
}
