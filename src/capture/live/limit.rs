//! When a capture ends, and when it goes on in another file: the conditions
//! that dumpcap and tshark know, as `KEY:VALUE`.

use std::str::FromStr;
use std::time::Duration;

/// A condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// So much time has passed.
    Duration(Duration),
    /// So many bytes were written.
    Bytes(u64),
    /// So many packets were captured.
    Packets(u64),
    /// So many files were written; of a ring: are kept.
    Files(u32),
}

/// Conditions, any of which suffices; a later one of a kind replaces the one
/// before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Time since the capture, or the file, began.
    pub duration: Option<Duration>,
    /// Bytes written.
    pub bytes: Option<u64>,
    /// Packets captured.
    pub packets: Option<u64>,
    /// Files written, or kept.
    pub files: Option<u32>,
}

/// Why a text is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// There is no colon, or something unknown before it.
    #[error(
        "expected duration:SECONDS, filesize:KILOBYTES (or with K, M, G), packets:N or files:N"
    )]
    UnknownKey,
    /// What follows the colon is no number above zero, or too large.
    #[error("{value:?} is no number above zero that fits {key}")]
    BadValue {
        /// What is before the colon.
        key: &'static str,
        /// What follows it.
        value: String,
    },
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        let (key, value) = text.split_once(':').ok_or(LimitError::UnknownKey)?;
        let bad = |key| LimitError::BadValue {
            key,
            value: value.to_owned(),
        };
        let whole = || value.parse::<u64>().ok().filter(|&count| count > 0);
        match key {
            "duration" => {
                let seconds = value.parse().ok().filter(|&seconds: &f64| seconds > 0.0);
                let duration = seconds.and_then(|s| Duration::try_from_secs_f64(s).ok());
                duration.map(Self::Duration).ok_or_else(|| bad("duration"))
            }
            "filesize" => bytes(value).map(Self::Bytes).ok_or_else(|| bad("filesize")),
            "packets" => whole().map(Self::Packets).ok_or_else(|| bad("packets")),
            "files" => whole()
                .and_then(|count| u32::try_from(count).ok())
                .map(Self::Files)
                .ok_or_else(|| bad("files")),
            _ => Err(LimitError::UnknownKey),
        }
    }
}

/// A size: thousands of bytes, or with a unit that says what.
fn bytes(text: &str) -> Option<u64> {
    let (digits, unit) = match text.as_bytes().last()? {
        b'K' | b'k' => (text.get(..text.len() - 1)?, 1_000),
        b'M' => (text.get(..text.len() - 1)?, 1_000_000),
        b'G' => (text.get(..text.len() - 1)?, 1_000_000_000),
        _ => (text, 1_000),
    };
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(unit).filter(|&bytes| bytes > 0)
}

impl FromIterator<Limit> for Limits {
    fn from_iter<I: IntoIterator<Item = Limit>>(limits: I) -> Self {
        let mut all = Self::default();
        for limit in limits {
            match limit {
                Limit::Duration(duration) => all.duration = Some(duration),
                Limit::Bytes(bytes) => all.bytes = Some(bytes),
                Limit::Packets(packets) => all.packets = Some(packets),
                Limit::Files(files) => all.files = Some(files),
            }
        }
        all
    }
}

impl Limits {
    /// Whether time, bytes or packets have reached a limit.
    pub(super) fn are_reached(&self, passed: Duration, bytes: u64, packets: u64) -> bool {
        self.duration.is_some_and(|most| passed >= most)
            || self.bytes.is_some_and(|most| bytes >= most)
            || self.packets.is_some_and(|most| packets >= most)
    }

    /// Whether any of those three is limited.
    pub(super) const fn is_any(&self) -> bool {
        self.duration.is_some() || self.bytes.is_some() || self.packets.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_written_as_dumpcap_takes_them() {
        let limit = |text: &str| text.parse::<Limit>();
        assert_eq!(
            limit("duration:60"),
            Ok(Limit::Duration(Duration::from_secs(60)))
        );
        assert_eq!(
            limit("duration:0.5"),
            Ok(Limit::Duration(Duration::from_millis(500)))
        );
        assert_eq!(limit("filesize:100"), Ok(Limit::Bytes(100_000)));
        assert_eq!(limit("filesize:2M"), Ok(Limit::Bytes(2_000_000)));
        assert_eq!(limit("packets:7"), Ok(Limit::Packets(7)));
        assert_eq!(limit("files:3"), Ok(Limit::Files(3)));
    }

    #[test]
    fn what_is_no_condition_is_refused_with_the_reason() {
        let told = |text: &str| text.parse::<Limit>().expect_err(text).to_string();
        assert!(told("60").contains("duration:SECONDS"));
        assert!(told("size:60").contains("filesize:KILOBYTES"));
        assert_eq!(
            told("packets:0"),
            "\"0\" is no number above zero that fits packets"
        );
        for text in [
            "duration:-1",
            "duration:nan",
            "duration:1e40",
            "filesize:",
            "filesize:M",
            "filesize:99999999999999999G",
            "files:4294967296",
            "packets:x",
        ] {
            told(text);
        }
    }

    #[test]
    fn the_last_condition_of_a_kind_counts() {
        let limits: Limits = [Limit::Packets(1), Limit::Files(2), Limit::Packets(3)]
            .into_iter()
            .collect();
        assert_eq!(
            (limits.packets, limits.files, limits.duration),
            (Some(3), Some(2), None)
        );
    }

    #[test]
    fn any_limit_that_is_reached_suffices() {
        let limits = Limits {
            packets: Some(3),
            bytes: Some(100),
            ..Limits::default()
        };
        assert!(!limits.are_reached(Duration::from_secs(1_000), 99, 2));
        assert!(limits.are_reached(Duration::ZERO, 100, 0));
        assert!(limits.are_reached(Duration::ZERO, 0, 3));
    }
}
