//! A screen as an SVG picture, for the documentation.

use std::fmt::Write as _;

use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

const CELL_WIDTH: f64 = 8.4;
const CELL_HEIGHT: f64 = 18.0;
const BACKGROUND: &str = "#1c1c24";
const FOREGROUND: &str = "#d0d0d0";

/// The screen as a picture.
pub(super) fn svg(buffer: &Buffer) -> String {
    let (columns, lines) = (buffer.area().width, buffer.area().height);
    let (width, height) = (
        f64::from(columns) * CELL_WIDTH + 16.0,
        f64::from(lines) * CELL_HEIGHT + 16.0,
    );
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {height:.0}\" \
         font-family=\"DejaVu Sans Mono, Menlo, Consolas, monospace\" font-size=\"14\">\n\
         <rect width=\"100%\" height=\"100%\" rx=\"6\" fill=\"{BACKGROUND}\"/>\n"
    );
    for y in 0..lines {
        let mut x = 0;
        while x < columns {
            let style = buffer[(x, y)].style();
            let mut text = String::new();
            let start = x;
            while x < columns && buffer[(x, y)].style() == style {
                text.push_str(buffer[(x, y)].symbol());
                x += 1;
            }
            let left = 8.0 + f64::from(start) * CELL_WIDTH;
            let top = 8.0 + f64::from(y) * CELL_HEIGHT;
            let run = f64::from(x - start) * CELL_WIDTH;
            // Writing to a String does not fail.
            if let Some(fill) = colour(style.bg) {
                let _ = writeln!(
                    out,
                    "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{run:.1}\" \
                     height=\"{CELL_HEIGHT}\" fill=\"{fill}\"/>"
                );
            }
            if text.trim().is_empty() {
                continue;
            }
            let fill = colour(style.fg).unwrap_or_else(|| FOREGROUND.to_owned());
            let bold = if style.add_modifier.contains(Modifier::BOLD) {
                " font-weight=\"bold\""
            } else {
                ""
            };
            let baseline = top + 13.5;
            let text = text
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;");
            let _ = writeln!(
                out,
                "<text x=\"{left:.1}\" y=\"{baseline:.1}\" textLength=\"{run:.1}\" \
                 xml:space=\"preserve\" fill=\"{fill}\"{bold}>{text}</text>"
            );
        }
    }
    out.push_str("</svg>\n");
    out
}

fn colour(colour: Option<Color>) -> Option<String> {
    match colour {
        Some(Color::Rgb(red, green, blue)) => Some(format!("#{red:02x}{green:02x}{blue:02x}")),
        _ => None,
    }
}
