//! Quantities as people write them: `20 ms`, `64 KiB`, `10 Mbit/s`.

use std::time::Duration;

use serde::Deserialize;

use crate::peer::sim::chance::Probability;
use crate::peer::sim::link::Bandwidth;

/// Nanoseconds in each unit of time.
const TIMES: &[(&str, u64)] = &[
    ("ns", 1),
    ("us", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("min", 60_000_000_000),
    ("h", 3_600_000_000_000),
];
/// Bytes in each unit of size.
const SIZES: &[(&str, u64)] = &[
    ("B", 1),
    ("kB", 1_000),
    ("KiB", 1 << 10),
    ("MB", 1_000_000),
    ("MiB", 1 << 20),
    ("GB", 1_000_000_000),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
];
/// Bits a second in each unit of bandwidth.
const RATES: &[(&str, u64)] = &[
    ("bit/s", 1),
    ("kbit/s", 1_000),
    ("Mbit/s", 1_000_000),
    ("Gbit/s", 1_000_000_000),
];

/// A duration: a number and `ns`, `us`, `ms`, `s`, `min` or `h`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Time(pub(super) Duration);

/// Bytes: a number and `B`, `kB`, `KiB`, … or `TiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Size(pub(super) u64);

/// Bits a second: a number and `bit/s`, `kbit/s`, `Mbit/s` or `Gbit/s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Rate(pub(super) Bandwidth);

/// A number from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Chance(pub(super) Probability);

impl TryFrom<String> for Time {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        quantity(&text, TIMES)
            .map(|nanoseconds| Self(Duration::from_nanos(nanoseconds)))
            .ok_or_else(|| wrong(&text, "a duration", "20 ms", TIMES))
    }
}

impl TryFrom<String> for Size {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        quantity(&text, SIZES)
            .map(Self)
            .ok_or_else(|| wrong(&text, "a size", "64 KiB", SIZES))
    }
}

impl TryFrom<String> for Rate {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        quantity(&text, RATES)
            .and_then(Bandwidth::from_bits_per_second)
            .map(Self)
            .ok_or_else(|| wrong(&text, "a bandwidth above zero", "10 Mbit/s", RATES))
    }
}

impl TryFrom<f64> for Chance {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        Probability::new(value)
            .map(Self)
            .ok_or_else(|| format!("{value} is not a probability, which lies between 0 and 1"))
    }
}

fn wrong(text: &str, what: &str, example: &str, units: &[(&str, u64)]) -> String {
    let units: Vec<_> = units.iter().map(|(name, _)| *name).collect();
    format!(
        "{text:?} is not {what} such as {example:?}; units are {}",
        units.join(", ")
    )
}

/// A number with a fraction or not, and a unit; exactly, in the smallest unit.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let split = text.find(|c: char| c != '.' && !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(split)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let scale = 10_u128.checked_pow(u32::try_from(fraction.len()).ok()?)?;
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    let parts = u128::from(whole).checked_mul(scale)? + u128::from(fraction);
    let total = parts.checked_mul(u128::from(*factor))?;
    // Half a byte can't be.
    (total % scale == 0).then(|| u64::try_from(total / scale).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_are_exact() {
        assert_eq!(quantity("20ms", TIMES), Some(20_000_000));
        assert_eq!(quantity(" 1.5 s ", TIMES), Some(1_500_000_000));
        assert_eq!(quantity("0.1 us", TIMES), Some(100));
        assert_eq!(quantity("64 KiB", SIZES), Some(65_536));
        assert_eq!(quantity("0.5 KiB", SIZES), Some(512));
        assert_eq!(quantity("2.5Mbit/s", RATES), Some(2_500_000));
    }

    #[test]
    fn what_is_no_quantity_is_refused() {
        for text in [
            "", "5", "ms", "5 m", "-1 s", "1e3 s", "1. s", ".5 s", "1.2.3 s", "1,5 s",
        ] {
            assert_eq!(quantity(text, TIMES), None, "{text}");
        }
        assert_eq!(quantity("0.5 B", SIZES), None);
        assert_eq!(quantity("99999999999 TiB", SIZES), None);
        assert_eq!(
            quantity("1.0000000000000000000000000000000000000000001 s", TIMES),
            None
        );
    }
}
