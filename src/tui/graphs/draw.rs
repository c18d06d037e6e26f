//! Drawing one graph.

use super::super::screen::Canvas;
use super::super::theme::Theme;
use super::kinds::{Graph, in_words};

/// Columns of the screen for the scale.
pub(super) const SCALE: u16 = 11;

const STEPS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Draws a graph with its title and scale; `mark` stands before the title.
pub(super) fn draw_graph(
    canvas: &mut Canvas<'_>,
    theme: &Theme,
    graph: &Graph,
    cursor: usize,
    mark: &str,
) {
    let values = &graph.values;
    let highest = values.iter().copied().fold(0.0, f64::max);
    canvas.put(0, 0, mark, theme.heading);
    canvas.put(SCALE + 1, 0, graph.title, theme.faint);
    // What is read under the cursor must not be cut off.
    let here = format!("  {} ", graph.here);
    canvas.put_right(canvas.width(), 0, &here, theme.heading);
    let height = canvas.height().saturating_sub(1);
    if height == 0 {
        return;
    }
    canvas.put_right(SCALE, 1, &(graph.text)(highest), theme.faint);
    let highest = if highest > 0.0 { highest } else { 1.0 };
    if let Some(target) = graph.target.filter(|target| *target < highest) {
        let up = (target / highest * f64::from(height)) as u16;
        for x in 0..values.len() as u16 {
            canvas.set(SCALE + 1 + x, height - up.min(height - 1), '┄', theme.bad);
        }
    }
    for (x, value) in (SCALE + 1..).zip(values) {
        let eighths = (value / highest * f64::from(height) * 8.0).round() as u16;
        for line in 0..height {
            let filled = eighths.saturating_sub(line * 8).min(8);
            if filled > 0 {
                canvas.set(x, height - line, STEPS[usize::from(filled)], graph.style);
            }
        }
        if usize::from(x - SCALE - 1) == cursor {
            canvas.set(
                x,
                height,
                if eighths == 0 { '▏' } else { '█' },
                theme.selected,
            );
            for line in 0..height {
                canvas.tint(x, 1 + line, 1, theme.selected);
            }
        }
    }
}

/// Draws a line for each viewer: how far it was behind, and is under the cursor.
pub(super) fn draw_viewers(canvas: &mut Canvas<'_>, theme: &Theme, graph: &Graph, cursor: usize) {
    let highest = graph.values.iter().copied().fold(1.0, f64::max);
    let mut y = 0;
    for (viewer, line) in &graph.viewers {
        if y + 1 >= canvas.height() {
            let left = graph.viewers.len() - usize::from(y / 2);
            canvas.put(SCALE + 1, y, &format!("and {left} more"), theme.faint);
            return;
        }
        let end = canvas.put(SCALE + 1, y, &viewer.to_string(), theme.text);
        let here = line.get(cursor).copied().flatten();
        let here = here.map_or_else(|| "has nothing yet".to_owned(), in_words);
        canvas.put(end + 2, y, &here, theme.heading);
        for (x, behind) in (SCALE + 1..).zip(line) {
            let Some(behind) = behind else {
                continue;
            };
            let eighths = (behind.chunks as f64 / highest * 8.0).ceil().min(8.0) as usize;
            let character = if eighths == 0 { '·' } else { STEPS[eighths] };
            canvas.set(x, y + 1, character, graph.style);
        }
        canvas.tint(SCALE + 1 + cursor as u16, y + 1, 1, theme.selected);
        y += 2;
    }
}
