//! Pieces that several outputs share: times, hexadecimal digits, swarm names.

use std::fmt;

use ppspp_dissector::finding::Entry;
use ppspp_dissector::session::{Swarm, Time};

/// How the text outputs show the time of a datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum TimeStyle {
    /// Seconds since the first datagram.
    #[default]
    Relative,
    /// Date and time, UTC.
    Absolute,
    /// Seconds since the datagram before.
    Delta,
}

/// Formats times, remembering what relative ones are relative to.
#[derive(Clone, Debug, Default)]
pub struct TimeFormat {
    style: TimeStyle,
    origin: Option<Time>,
    calendar: Calendar,
}

impl TimeFormat {
    /// A formatter in this style.
    pub fn new(style: TimeStyle) -> Self {
        Self {
            style,
            ..Self::default()
        }
    }

    /// Notes a datagram that is not shown: relative times count from the first one
    /// all the same.
    pub fn pass(&mut self, time: Option<Time>) {
        self.origin = self.origin.or(time);
    }

    /// The next datagram's time as text, right-aligned in a column of its own.
    pub(super) fn next(&mut self, time: Option<Time>) -> String {
        let Some(time) = time else {
            return format!("{:>10}", "-");
        };
        let origin = *self.origin.get_or_insert(time);
        match self.style {
            TimeStyle::Absolute => self.calendar.rfc3339(time).to_owned(),
            TimeStyle::Relative => seconds(time.since(origin)),
            TimeStyle::Delta => {
                self.origin = Some(time);
                seconds(time.since(origin))
            }
        }
    }
}

/// Nanoseconds as seconds with six digits behind the point.
fn seconds(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let micros = nanoseconds.unsigned_abs() / 1_000;
    let text = format!("{sign}{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    format!("{text:>10}")
}

/// Dates and times by RFC 3339. Datagrams come many to a second, so the part
/// up to the seconds is made once for all of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Calendar {
    second: Option<i64>,
    text: String,
    prefix: usize,
}

impl Calendar {
    /// The time in UTC, with microseconds, or nanoseconds where it has such.
    pub(super) fn rfc3339(&mut self, time: Time) -> &str {
        let second = time.nanoseconds().div_euclid(1_000_000_000);
        let nanos = time.nanoseconds().rem_euclid(1_000_000_000) as u32;
        if self.second != Some(second) {
            self.second = Some(second);
            self.text.clear();
            // Any number of nanoseconds in 64 bits is a date that jiff knows.
            if let Ok(timestamp) = jiff::Timestamp::from_second(second) {
                let shown = timestamp.to_string();
                self.text.push_str(shown.trim_end_matches('Z'));
            }
            self.prefix = self.text.len();
        }
        self.text.truncate(self.prefix);
        self.text.push('.');
        let (value, digits) = if nanos.is_multiple_of(1_000) {
            (nanos / 1_000, 6)
        } else {
            (nanos, 9)
        };
        let mut buffer = [b'0'; 9];
        let mut rest = value;
        for digit in buffer[..digits].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        self.text
            .extend(buffer[..digits].iter().map(|&digit| char::from(digit)));
        self.text.push('Z');
        &self.text
    }
}

/// Bytes as hexadecimal digits.
#[derive(Clone, Copy, Debug)]
pub struct Hex<'a>(pub &'a [u8]);

const DIGITS: &[u8; 16] = b"0123456789abcdef";

impl Hex<'_> {
    /// Gives the digits to `use_digits`, without allocating for hashes and
    /// keys of usual length.
    pub(super) fn with<T>(self, use_digits: impl FnOnce(&str) -> T) -> T {
        let mut small = [0u8; 192];
        let mut large;
        let count = self.0.len() * 2;
        let buffer = if count <= small.len() {
            &mut small[..count]
        } else {
            large = vec![0u8; count];
            &mut large[..]
        };
        for (pair, byte) in buffer.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        use_digits(std::str::from_utf8(buffer).unwrap_or_default())
    }
}

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.with(|digits| f.pad(digits))
    }
}

/// The counts that are not zero, in words.
pub(super) fn counts_in_words(counts: &[(u64, &str)]) -> String {
    let words: Vec<String> = counts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    words.join(", ")
}

/// Text from a capture, fit for a terminal: what would control it is replaced.
pub(super) fn printable(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\t' => character,
            other if other.is_control() => char::REPLACEMENT_CHARACTER,
            other => other,
        })
        .collect()
}

/// The section of the RFC that a finding cites, or a dash.
pub(super) const fn section(entry: &Entry) -> &'static str {
    if entry.section.is_empty() {
        "–"
    } else {
        entry.section
    }
}

/// The first six digits of a swarm's ID, which is how lists name it.
pub(super) fn short_swarm(swarm: Option<&Swarm>) -> String {
    match swarm.and_then(|swarm| swarm.id.as_deref()) {
        Some(id) => Hex(id.get(..3).unwrap_or(id)).to_string(),
        None => "?".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_by_rfc_3339() {
        let mut calendar = Calendar::default();
        let mut show = |ns| calendar.rfc3339(Time::from_nanoseconds(ns)).to_owned();
        assert_eq!(
            show(1_795_322_041_123_456_000),
            "2026-11-22T04:34:01.123456Z"
        );
        assert_eq!(
            show(1_795_322_041_123_456_789),
            "2026-11-22T04:34:01.123456789Z"
        );
        assert_eq!(show(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(show(-1_000), "1969-12-31T23:59:59.999999Z");
        assert_eq!(show(i64::MAX), "2262-04-11T23:47:16.854775807Z");
        assert_eq!(show(i64::MIN), "1677-09-21T00:12:43.145224192Z");
    }

    #[test]
    fn relative_times_count_from_the_first_datagram() {
        let mut format = TimeFormat::new(TimeStyle::Relative);
        let at = |ns| Some(Time::from_nanoseconds(ns));
        assert_eq!(format.next(at(5_000_000_000)).trim(), "0.000000");
        assert_eq!(format.next(at(5_001_500_000)).trim(), "0.001500");
        assert_eq!(format.next(at(4_999_000_000)).trim(), "-0.001000");
        assert_eq!(format.next(None).trim(), "-");
    }

    #[test]
    fn text_from_a_capture_does_not_control_the_terminal() {
        assert_eq!(
            printable("red \u{1b}[31m\u{7}, no\tmore\n"),
            "red \u{fffd}[31m\u{fffd}, no\tmore\n"
        );
    }

    #[test]
    fn long_and_short_bytes_become_digits() {
        assert_eq!(Hex(&[0, 255, 16]).to_string(), "00ff10");
        assert_eq!(Hex(&[0xab; 200]).to_string(), "ab".repeat(200));
    }
}
