//! A datagram's bytes as `-x` shows them.

use std::io::{self, Write};

/// Writes bytes sixteen to a line: offset, digits, characters.
///
/// # Errors
/// What `out` answers.
pub fn write_hex(out: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
    for (line, row) in bytes.chunks(16).enumerate() {
        write!(out, "{:04x}  ", line * 16)?;
        for index in 0..16 {
            match row.get(index) {
                Some(byte) => write!(out, "{byte:02x} ")?,
                None => write!(out, "   ")?,
            }
            if index == 7 {
                write!(out, " ")?;
            }
        }
        let text: String = row
            .iter()
            .map(|&byte| match byte {
                0x20..=0x7e => char::from(byte),
                _ => '.',
            })
            .collect();
        writeln!(out, " {text}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_sixteen_bytes_wide_and_aligned() {
        let mut out = Vec::new();
        super::write_hex(&mut out, b"0123456789abcdef\x00\xffz").expect("a vector takes all");
        assert_eq!(
            String::from_utf8(out).expect("ASCII"),
            "0000  30 31 32 33 34 35 36 37  38 39 61 62 63 64 65 66  0123456789abcdef\n\
             0010  00 ff 7a                                          ..z\n"
        );
    }
}
