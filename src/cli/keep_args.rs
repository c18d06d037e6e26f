//! How much the terminal UI keeps of a capture that may have no end.

use clap::Args;

use crate::index::Keep;

/// Bytes that have to be kept at least: less would hold no datagrams.
const LEAST_BYTES: u64 = 1 << 20;

/// What is kept; what is older is let go.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct KeepArgs {
    /// Datagrams that the terminal UI keeps, the newest ones: a number, with K, M or
    /// G for thousands, millions or milliards, or `all` [default: 4M of what is live
    /// or comes through a pipe, all of a file]
    #[arg(long, value_name = "N", value_parser = datagrams)]
    keep: Option<u64>,

    /// Bytes that it keeps of them on disk, with K, M or G for KiB, MiB or GiB, or
    /// `all` [default: 4G of what is live or comes through a pipe, all of a file]
    #[arg(long, value_name = "SIZE", value_parser = bytes)]
    keep_bytes: Option<u64>,
}

impl KeepArgs {
    /// What is to be kept, and where that was not told, `default`.
    pub(super) fn or(self, default: Keep) -> Keep {
        Keep {
            datagrams: self.keep.unwrap_or(default.datagrams),
            bytes: self.keep_bytes.unwrap_or(default.bytes),
        }
    }
}

fn datagrams(text: &str) -> Result<u64, String> {
    let count = number(text, 1000).ok_or("expected a number such as 500000 or 10M, or all")?;
    if count == 0 {
        return Err("at least one has to be kept".to_owned());
    }
    Ok(count)
}

fn bytes(text: &str) -> Result<u64, String> {
    let bytes = number(text, 1024).ok_or("expected a size such as 500M or 4G, or all")?;
    if bytes < LEAST_BYTES {
        return Err("at least 1M has to be kept".to_owned());
    }
    Ok(bytes)
}

/// A number with or without a letter behind it, each of which stands for `step`
/// times the one before.
fn number(text: &str, step: u64) -> Option<u64> {
    if text == "all" {
        return Some(u64::MAX);
    }
    let power = match text.chars().next_back()? {
        'k' | 'K' => 1,
        'm' | 'M' => 2,
        'g' | 'G' => 3,
        _ => 0,
    };
    let digits = &text[..text.len() - usize::from(power > 0)];
    digits.parse::<u64>().ok()?.checked_mul(step.pow(power))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        assert_eq!(datagrams("10M"), Ok(10_000_000));
        assert_eq!(datagrams("77"), Ok(77));
        assert_eq!(datagrams("all"), Ok(u64::MAX));
        assert_eq!(bytes("4G"), Ok(4 << 30));
        assert_eq!(bytes("2048k"), Ok(2 << 20));
        for wrong in ["", "M", "0", "-1", "1.5M", "many", "99999999999G"] {
            assert!(datagrams(wrong).is_err(), "{wrong}");
        }
        assert!(bytes("1000").is_err());
    }
}
