//! Values as they are written in a filter, by the kind of the field that they
//! are compared with.

use std::net::{Ipv4Addr, Ipv6Addr};

use nom::Parser as _;
use nom::bytes::complete::{tag, tag_no_case, take_while_m_n, take_while1};
use nom::character::complete::{char, digit0, digit1};
use nom::combinator::{all_consuming, map_res, opt, rest, verify};
use nom::multi::separated_list1;
use nom::sequence::{pair, preceded};
use nom::{AsChar as _, IResult};

use super::error::Cause;
use super::syntax::Literal;
use super::token::What;
use crate::fields::{Kind, Words};
use crate::wire::ChunkRange;

/// Nanoseconds of a microsecond and of a second.
const MICROSECOND: i128 = 1_000;
const SECOND: i128 = 1_000_000_000;

/// Reads a value of this kind.
pub(super) fn literal(kind: Kind, what: &What<'_>) -> Result<Literal, Cause> {
    let (text, is_quoted) = match what {
        What::Word(word) => (*word, false),
        What::Text(text) => (text.as_ref(), true),
        What::Sign(sign) => (sign.text(), false),
    };
    let wrong = || Cause::WrongValue {
        kind,
        found: if is_quoted {
            format!("\"{text}\"")
        } else {
            text.to_owned()
        },
    };
    if matches!(what, What::Sign(_)) {
        return Err(wrong());
    }
    let out_of_range = |allowed| Cause::OutOfRange {
        found: text.to_owned(),
        allowed,
    };
    match kind {
        Kind::Presence => Err(wrong()),
        Kind::Unsigned if !is_quoted => {
            let number = integer(text).ok_or_else(wrong)?;
            unsigned(number)
                .map(Literal::Number)
                .ok_or_else(|| out_of_range("numbers go from 0 to 18446744073709551615"))
        }
        Kind::Microseconds if !is_quoted => {
            let number = match integer(text) {
                Some(number) => Some(number),
                None => duration(text)
                    .filter(|(_, has_unit)| *has_unit)
                    .map(|(nanoseconds, _)| nanoseconds.div_euclid(MICROSECOND)),
            };
            let number = number.ok_or_else(wrong)?;
            i64::try_from(number)
                .map(|number| Literal::Number(number.into()))
                .map_err(|_| out_of_range("delays are 64-bit numbers"))
        }
        Kind::Duration if !is_quoted => {
            let (nanoseconds, _) = duration(text).ok_or_else(wrong)?;
            i64::try_from(nanoseconds)
                .map(|number| Literal::Number(number.into()))
                .map_err(|_| out_of_range("durations are 292 years at most"))
        }
        Kind::Time => {
            let nanoseconds = time(text).ok_or_else(wrong)?;
            i64::try_from(nanoseconds)
                .map(|number| Literal::Number(number.into()))
                .map_err(|_| out_of_range("times lie between the years 1678 and 2262"))
        }
        Kind::Ipv4 => network::<Ipv4Addr>(text, 32).ok_or_else(wrong),
        Kind::Ipv6 => network::<Ipv6Addr>(text, 128).ok_or_else(wrong),
        Kind::ChannelId => channel(text).map(Literal::Bytes).ok_or_else(wrong),
        Kind::Bytes if is_quoted => Ok(Literal::Bytes(text.as_bytes().to_vec())),
        Kind::Digits | Kind::Bytes => bytes(text).map(Literal::Bytes).ok_or_else(wrong),
        Kind::Text if is_quoted => Ok(Literal::Text(text.to_owned())),
        Kind::Word(words) => word(words, text),
        Kind::Chunks if !is_quoted => {
            let number = integer(text).ok_or_else(wrong)?;
            u64::try_from(number)
                .map(|chunk| Literal::Chunks(ChunkRange::single(chunk)))
                .map_err(|_| out_of_range("chunks go from 0 to 18446744073709551615"))
        }
        Kind::Unsigned | Kind::Microseconds | Kind::Duration | Kind::Text | Kind::Chunks => {
            Err(wrong())
        }
    }
}

/// A word by its name, or by its number where that is an octet.
fn word(words: Words, text: &str) -> Result<Literal, Cause> {
    let by_number = || {
        let octet = u8::try_from(integer(text)?).ok()?;
        words.are_octets().then_some(octet.into())
    };
    words
        .number(text)
        .or_else(by_number)
        .map(Literal::Word)
        .ok_or_else(|| Cause::UnknownWord {
            words,
            found: text.to_owned(),
            nearest: nearest(text, words.all().into_iter().map(|(_, word)| word)),
        })
}

/// The word that is most like a misspelt one, where one is like it at all.
pub(super) fn nearest(
    text: &str,
    words: impl Iterator<Item = &'static str>,
) -> Option<&'static str> {
    // Longer than any name, so that long texts cost nothing.
    const MOST: usize = 64;
    if text.len() > MOST {
        return None;
    }
    let text = text.to_ascii_lowercase();
    let distance = |word: &str| strsim::osa_distance(&text, &word.to_ascii_lowercase());
    words
        .map(|word| (distance(word), word))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, word)| *distance * 3 <= word.len().max(text.len()))
        .map(|(_, word)| word)
}

/// `6778`, `-5`, `0x1a7a`, `0b11`, and as in C and Wireshark `017` for 15.
pub(super) fn integer(text: &str) -> Option<i128> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let parsed: IResult<&str, (u32, &str)> = all_consuming(nom::branch::alt((
        (tag_no_case("0x"), take_while1(|c: char| c.is_hex_digit()))
            .map(|(_, digits)| (16, digits)),
        (tag_no_case("0b"), take_while1(|c: char| c.is_bin_digit())).map(|(_, digits)| (2, digits)),
        (char('0'), take_while1(|c: char| c.is_oct_digit())).map(|(_, digits)| (8, digits)),
        // Nor is 08 a decimal number.
        verify(digit1, |digits: &str| {
            digits == "0" || !digits.starts_with('0')
        })
        .map(|digits| (10, digits)),
    )))
    .parse(digits);
    let (_, (radix, digits)) = parsed.ok()?;
    let number = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -number } else { number })
}

fn unsigned(number: i128) -> Option<i128> {
    u64::try_from(number).ok().map(Into::into)
}

/// A decimal number of something as a number of its billionth parts, and what
/// stands behind it. Digits beyond those are left out.
fn billionths(text: &str) -> IResult<&str, i128> {
    let (text, minus) = opt(char('-')).parse(text)?;
    let digits = pair(digit1, opt(preceded(char('.'), digit0)));
    let mut number = map_res(digits, |(whole, part): (&str, Option<&str>)| {
        let part = part.unwrap_or_default();
        let part = &part[..part.len().min(9)];
        let whole: i128 = whole.parse().map_err(drop)?;
        let part: i128 = format!("{part:0<9}").parse().map_err(drop)?;
        let scaled = whole.checked_mul(SECOND).ok_or(())?;
        scaled.checked_add(part).ok_or(())
    });
    let (text, number) = number.parse(text)?;
    Ok((text, if minus.is_some() { -number } else { number }))
}

/// `1.5`, `20ms`, `100us`, `2min`, in nanoseconds, and whether it has a unit.
fn duration(text: &str) -> Option<(i128, bool)> {
    let parsed: IResult<&str, (i128, &str)> = pair(billionths, rest).parse(text);
    let (_, (number, unit)) = parsed.ok()?;
    let divided = |part: i128| Some(number / part);
    let nanoseconds = match unit {
        "" | "s" => Some(number),
        "ms" => divided(1_000),
        "us" | "µs" | "μs" => divided(1_000_000),
        "ns" => divided(1_000_000_000),
        "min" => number.checked_mul(60),
        "h" => number.checked_mul(60 * 60),
        "d" => number.checked_mul(24 * 60 * 60),
        _ => None,
    }?;
    Some((nanoseconds, !unit.is_empty()))
}

/// A date and time, in UTC unless an offset stands behind it, or seconds since
/// 1970; in nanoseconds since then.
fn time(text: &str) -> Option<i128> {
    let epoch: IResult<&str, i128> = all_consuming(billionths).parse(text);
    if let Ok((_, nanoseconds)) = epoch {
        return Some(nanoseconds);
    }
    if let Ok(timestamp) = text.parse::<jiff::Timestamp>() {
        return Some(timestamp.as_nanosecond());
    }
    let date: jiff::civil::DateTime = text.parse().ok()?;
    let zoned = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(zoned.timestamp().as_nanosecond())
}

/// `192.0.2.1`, `10.0.0.0/8`.
fn network<A>(text: &str, bits: u8) -> Option<Literal>
where
    A: std::str::FromStr + Into<std::net::IpAddr>,
{
    let (address, prefix) = match text.split_once('/') {
        Some((address, prefix)) => {
            let parsed: IResult<&str, &str> = all_consuming(digit1).parse(prefix);
            (address, parsed.ok()?.1.parse().ok()?)
        }
        None => (text, bits),
    };
    let address: A = address.parse().ok()?;
    (prefix <= bits).then_some(Literal::Network {
        address: address.into(),
        prefix,
    })
}

/// Two digits.
fn octet(text: &str) -> IResult<&str, u8> {
    map_res(
        take_while_m_n(2, 2, |c: char| c.is_hex_digit()),
        |digits: &str| u8::from_str_radix(digits, 16),
    )
    .parse(text)
}

/// `24:fb:f1`, `24-fb-f1`, `24fbf1`.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    let parsed: IResult<&str, Vec<u8>> = nom::branch::alt((
        all_consuming(separated_list1(char(':'), octet)),
        all_consuming(separated_list1(char('-'), octet)),
        all_consuming(nom::multi::many1(octet)),
        all_consuming(preceded(tag_no_case("0x"), nom::multi::many1(octet))),
        all_consuming(tag("")).map(|_| Vec::new()),
    ))
    .parse(text);
    parsed.ok().map(|(_, bytes)| bytes)
}

/// A channel ID: eight digits, four bytes, or a number that begins with `0x`.
fn channel(text: &str) -> Option<Vec<u8>> {
    if text.starts_with("0x") || text.starts_with("0X") {
        let number = u32::try_from(integer(text)?).ok()?;
        return Some(number.to_be_bytes().to_vec());
    }
    // Parts of it, as `contains` takes them, are told apart from it by colons.
    bytes(text).filter(|bytes| bytes.len() == 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(kind: Kind, text: &str) -> Option<i128> {
        match literal(kind, &What::Word(text)) {
            Ok(Literal::Number(number)) => Some(number),
            Ok(other) => panic!("{other:?}"),
            Err(_) => None,
        }
    }

    #[test]
    fn numbers_are_written_as_in_c() {
        for (text, expected) in [
            ("0", Some(0)),
            ("6778", Some(6778)),
            ("0x1a7A", Some(6778)),
            ("0b101", Some(5)),
            ("017", Some(15)),
            ("18446744073709551615", Some(u64::MAX.into())),
            ("18446744073709551616", None),
            ("-1", None),
            ("08", None),
            ("0x", None),
            ("1.5", None),
            ("x", None),
        ] {
            assert_eq!(number(Kind::Unsigned, text), expected, "{text}");
        }
    }

    #[test]
    fn durations_have_units() {
        for (text, nanoseconds) in [
            ("1.5", 1_500_000_000),
            ("-0.5", -500_000_000),
            ("20ms", 20_000_000),
            ("0.25us", 250),
            ("100µs", 100_000),
            ("7ns", 7),
            ("2min", 120_000_000_000),
            ("0.0000000019", 1),
        ] {
            assert_eq!(number(Kind::Duration, text), Some(nanoseconds), "{text}");
        }
        assert_eq!(number(Kind::Duration, "5 parsecs"), None);
        assert_eq!(number(Kind::Duration, "ms"), None);
        assert_eq!(
            number(Kind::Duration, "99999999999999999999999999999d"),
            None
        );
        assert_eq!(number(Kind::Microseconds, "-7"), Some(-7));
        assert_eq!(number(Kind::Microseconds, "20ms"), Some(20_000));
        assert_eq!(number(Kind::Microseconds, "1.5"), None);
    }

    #[test]
    fn times_are_in_utc_unless_an_offset_says_otherwise() {
        let expected = 1_795_322_041_123_456_000;
        for text in [
            "2026-11-22T04:34:01.123456Z",
            "2026-11-22T05:34:01.123456+01:00",
            "2026-11-22T04:34:01.123456",
            "1795322041.123456",
        ] {
            assert_eq!(number(Kind::Time, text), Some(expected), "{text}");
        }
        let quoted = What::Text("2026-11-22 04:34:01.123456".into());
        assert_eq!(literal(Kind::Time, &quoted), Ok(Literal::Number(expected)));
        assert_eq!(number(Kind::Time, "2026-13-01"), None);
        assert_eq!(number(Kind::Time, "9999-01-01"), None);
    }

    #[test]
    fn bytes_are_pairs_of_digits() {
        for text in ["24:fb:f1", "24-FB-f1", "24fbf1", "0x24fbf1"] {
            assert_eq!(bytes(text), Some(vec![0x24, 0xfb, 0xf1]), "{text}");
        }
        for text in ["24:fb:", "2", "24:f", "24fbf", "24:fb-f1", "zz"] {
            assert_eq!(bytes(text), None, "{text}");
        }
    }

    #[test]
    fn channels_are_written_as_they_are_shown() {
        let expected = Some(vec![0, 0, 0, 1]);
        for text in ["00000001", "0x1", "00:00:00:01"] {
            assert_eq!(channel(text), expected, "{text}");
        }
        for text in ["1", "0x100000000", "0000000001"] {
            assert_eq!(channel(text), None, "{text}");
        }
    }

    #[test]
    fn words_have_any_case_and_octets_may_be_numbers() {
        let word = |words, text| literal(Kind::Word(words), &What::Word(text));
        assert_eq!(word(Words::Messages, "data"), Ok(Literal::Word(1)));
        assert_eq!(word(Words::Messages, "1"), Ok(Literal::Word(1)));
        assert_eq!(
            word(Words::HashFunctions, "unassigned-9"),
            Ok(Literal::Word(9))
        );
        assert!(word(Words::Verdicts, "1").is_err());
        let Err(Cause::UnknownWord { nearest, .. }) = word(Words::Verdicts, "verifed") else {
            panic!("no such verdict");
        };
        assert_eq!(nearest, Some("verified"));
    }
}
