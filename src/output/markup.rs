//! Text in XML and HTML.

use std::fmt;

/// A value whose text means nothing to who reads XML or HTML, in elements and in
/// quoted attributes: what comes from a target or a command line is not to become
/// markup.
#[derive(Clone, Copy, Debug)]
pub(super) struct Escaped<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write as _;
        write!(Escaping(f), "{}", self.0)
    }
}

struct Escaping<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl fmt::Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            match character {
                '&' => self.0.write_str("&amp;")?,
                '<' => self.0.write_str("&lt;")?,
                '>' => self.0.write_str("&gt;")?,
                '"' => self.0.write_str("&quot;")?,
                '\'' => self.0.write_str("&#39;")?,
                '\t' | '\n' => self.0.write_char(character)?,
                // XML 1.0 has no other control characters, not even escaped; those
                // of writing direction make a line look like another one.
                other if other.is_control() || is_direction(other) => {
                    self.0.write_char(char::REPLACEMENT_CHARACTER)?;
                }
                other => self.0.write_char(other)?,
            }
        }
        Ok(())
    }
}

const fn is_direction(character: char) -> bool {
    matches!(
        character,
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_markup_elsewhere_is_text_here() {
        let text = Escaped("<script>alert(\"1\" & '2')</script>");
        assert_eq!(
            text.to_string(),
            "&lt;script&gt;alert(&quot;1&quot; &amp; &#39;2&#39;)&lt;/script&gt;"
        );
    }

    #[test]
    fn control_characters_are_replaced() {
        let text = Escaped("a\u{1b}[31m\u{0}\n\tb\u{202e}c");
        assert_eq!(text.to_string(), "a\u{fffd}[31m\u{fffd}\n\tb\u{fffd}c");
    }
}
