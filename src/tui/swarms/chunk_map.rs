//! A map of any number of chunks in a window: a cell is one chunk or many, and
//! shows the worst that is known of them.

use ppspp_dissector::session::Swarm;
use ppspp_dissector::wire::ChunkRange;

use ratatui::style::Style;

use super::super::keys::Action;
use super::super::screen::Canvas;
use super::super::theme::Theme;
use crate::index::Worst;

/// Where the user is on the map, and how it is cut into cells.
#[derive(Default)]
pub(super) struct ChunkMap {
    first: u64,
    last: u64,
    /// The selected chunk.
    pub(super) chunk: u64,
    is_placed: bool,
    /// How often the user halved the cells.
    zoom: u32,
    per_cell: u64,
    width: u64,
    height: u64,
    /// The first chunk in sight.
    top: u64,
}

impl ChunkMap {
    /// Fits the map to what is known of a swarm.
    pub(super) fn fit(&mut self, swarm: &Swarm) {
        let size = swarm
            .verification
            .as_deref()
            .and_then(ppspp_dissector::session::Verification::size);
        (self.first, self.last) = if let Some(size) = size {
            (0, size.saturating_sub(1))
        } else {
            let first = swarm.seen.first().unwrap_or(0);
            // What a peer only announces may be nonsense without bound; it is
            // believed where anything was seen near.
            let last = swarm.highest_chunk.unwrap_or(first).max(first);
            let near = swarm.seen.len().max(1).saturating_mul(16).max(1024);
            (first, last.min(first.saturating_add(near)))
        };
        if swarm.is_static() && size.is_none() && self.first < 4096 {
            self.first = 0;
        }
        if !self.is_placed {
            self.is_placed = true;
            self.chunk = self.first;
        }
        self.chunk = self.chunk.clamp(self.first, self.last);
    }

    pub(super) const fn first(&self) -> u64 {
        self.first
    }

    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Chunks on the whole map.
    pub(super) const fn total(&self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// What stands over the map.
    pub(super) fn legend(&self, swarm: &Swarm) -> String {
        let verdict = match worst_of(swarm, self.chunk, self.chunk).0 {
            Worst::Nothing => "· not seen",
            Worst::Verified => "✓ verified",
            Worst::Failed => "✗ failed",
            Worst::Unverified => "? not verified",
            Worst::Unprotected => "o unprotected",
        };
        let others = if self.per_cell > 1 {
            "   ✓ all ▒ some · none"
        } else {
            ""
        };
        format!(
            "Chunks {}-{}, {} to a cell (+ -)   chunk {} {verdict}{others}",
            self.first,
            self.last,
            self.per_cell.max(1),
            self.chunk
        )
    }

    /// Moves and zooms; returns whether the action means something here.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>) -> bool {
        let times = count.unwrap_or(1) as u64;
        let cell = self.per_cell.max(1);
        let row = cell.saturating_mul(self.width.max(1));
        let to = self.chunk;
        self.chunk = match action {
            Action::Left => to.saturating_sub(cell.saturating_mul(times)),
            Action::Right => to.saturating_add(cell.saturating_mul(times)),
            Action::Up => to.saturating_sub(row.saturating_mul(times)),
            Action::Down => to.saturating_add(row.saturating_mul(times)),
            Action::PageUp | Action::HalfUp => to.saturating_sub(row.saturating_mul(self.height)),
            Action::PageDown | Action::HalfDown => {
                to.saturating_add(row.saturating_mul(self.height))
            }
            Action::First => count.map_or(self.first, |count| count as u64),
            Action::Last => count.map_or(self.last, |count| count as u64),
            Action::Grow => {
                self.zoom = (self.zoom + 1).min(63);
                to
            }
            Action::Shrink => {
                self.zoom = self.zoom.saturating_sub(1);
                to
            }
            _ => return false,
        }
        .clamp(self.first, self.last);
        true
    }

    /// Selects the chunk under a place of the map.
    pub(super) fn click(&mut self, x: u16, y: u16) {
        let cell = u64::from(y) * self.width + u64::from(x.saturating_sub(1));
        let chunk = self.top.saturating_add(cell.saturating_mul(self.per_cell));
        self.chunk = chunk.clamp(self.first, self.last);
    }

    /// Draws it; returns how many lines it took. `worst` says of chunks what is the
    /// worst known, and whether that is so of all of them.
    pub(super) fn draw(
        &mut self,
        canvas: &mut Canvas<'_>,
        theme: &Theme,
        worst: impl Fn(u64, u64) -> (Worst, bool),
    ) -> u16 {
        self.width = u64::from(canvas.width().saturating_sub(2)).max(1);
        self.height = u64::from(canvas.height()).max(1);
        let cells = self.width * self.height;
        let whole = self.total().div_ceil(cells).max(1);
        // Zooming in stops at one chunk to a cell.
        self.zoom = self.zoom.min(64 - whole.leading_zeros());
        self.per_cell = (whole >> self.zoom).max(1);
        let in_sight = cells.saturating_mul(self.per_cell);
        if self.total() <= in_sight {
            self.top = self.first;
        } else if self.chunk < self.top
            || self.chunk - self.top >= in_sight
            || self.top < self.first
        {
            let row = self.width.saturating_mul(self.per_cell);
            let before = (self.chunk - self.first) / row;
            let top = before.saturating_sub(self.height / 2);
            self.top = self.first + top * row;
        }
        let mut lines = 0;
        'map: for y in 0..self.height {
            for x in 0..self.width {
                let cell_number = y * self.width + x;
                let first = self
                    .top
                    .saturating_add(cell_number.saturating_mul(self.per_cell));
                if first > self.last {
                    break 'map;
                }
                lines = y as u16 + 1;
                let last = first.saturating_add(self.per_cell - 1).min(self.last);
                let (found, is_whole) = worst(first, last);
                let (character, mut style) = cell(found, is_whole, theme);
                if (first..=last).contains(&self.chunk) {
                    style = theme.selected;
                }
                canvas.set(x as u16 + 1, y as u16, character, style);
            }
        }
        lines
    }
}

/// The worst that is known of some chunks of a swarm, and whether that holds for
/// all of them.
pub(super) fn worst_of(swarm: &Swarm, first: u64, last: u64) -> (Worst, bool) {
    let Some(range) = ChunkRange::new(first, last) else {
        return (Worst::Nothing, true);
    };
    let Some(found) = swarm.verification.as_deref() else {
        let seen = swarm.seen.overlaps(range);
        let worst = if seen {
            Worst::Unverified
        } else {
            Worst::Nothing
        };
        return (worst, swarm.seen.contains_all(range));
    };
    if found.verified().contains_all(range) {
        return (Worst::Verified, true);
    }
    if found.failed().overlaps(range) {
        // A copy that failed does not matter where another was verified; where
        // many chunks share the cell, the worst is told.
        let is_made_good = range.is_single() && found.verified().contains(first);
        if !is_made_good {
            return (Worst::Failed, false);
        }
    }
    let judged = [found.verified(), found.failed(), found.unprotected()];
    if !swarm.seen.overlaps(range) && !judged.iter().any(|set| set.overlaps(range)) {
        return (Worst::Nothing, true);
    }
    if found.unprotected().overlaps(range) {
        return (Worst::Unprotected, found.unprotected().contains_all(range));
    }
    // Every seen chunk must have been judged for the others to be all right.
    let is_open = swarm.seen.has_more_than(&judged, range);
    if is_open {
        (Worst::Unverified, false)
    } else {
        (Worst::Verified, false)
    }
}

/// The sign and colour of a cell.
fn cell(worst: Worst, is_whole: bool, theme: &Theme) -> (char, Style) {
    match worst {
        Worst::Nothing => ('·', theme.faint),
        Worst::Verified if !is_whole => ('▒', theme.good),
        Worst::Verified => ('✓', theme.good),
        Worst::Failed => ('✗', theme.bad),
        Worst::Unverified => ('?', theme.unknown),
        Worst::Unprotected => ('o', theme.plain),
    }
}
