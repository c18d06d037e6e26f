//! Flow: the ladder. Peers are columns, datagrams are arrows between them; runs of
//! the same thing fold into one line.

mod arrow;
mod draw;
mod steps;

use std::time::{Duration, Instant};

use self::arrow::Arrow;
use self::steps::{Sort, Step, add};
use super::compare::Compare;
use super::keys::Action;
use super::list::Cursor;
use super::screen::Canvas;
use super::tree::TreePane;
use super::view::{Common, Outcome, Scope, Shown, View, in_scope};
use crate::index::Row;

/// How long building may keep a key waiting.
const SLICE: Duration = Duration::from_millis(6);

/// The ladder and what the user does with it.
#[derive(Default)]
pub(super) struct Flow {
    scope: Scope,
    /// For which scope and filter the steps were built.
    built: Option<(Scope, Option<String>)>,
    steps: Vec<Step>,
    /// Lines of the list of datagrams that were looked at.
    scanned: usize,
    latest: Option<Sort>,
    cursor: Cursor,
    /// The row that is to be selected once it was looked at.
    wanted: Option<usize>,
    /// Runs that the user has unfolded.
    unfolded: Vec<Step>,
    picked: Option<usize>,
    compare: Option<Compare>,
    tree: TreePane,
    loaded: Option<usize>,
}

impl Flow {
    /// Selects a row.
    pub(super) fn show(&mut self, row: usize) {
        self.wanted = Some(row);
    }

    /// Sets which channels are seen.
    pub(super) fn set_scope(&mut self, scope: Scope, common: &mut Common) {
        self.scope = scope;
        self.built = None;
        let analyzer = common.store.analyzer();
        let fits = in_scope(&analyzer, scope);
        let here = common.store.get(common.row).is_some_and(&fits);
        let mut first = None;
        if !here {
            common.store.each_from(0, |number, row| {
                if fits(row) {
                    first = Some(number);
                }
                first.is_none()
            });
        }
        self.wanted = Some(first.unwrap_or(common.row));
    }

    /// Looks at more datagrams; returns whether there are more.
    fn build(&mut self, common: &Common, most: Duration) -> bool {
        let filter = match &common.shown {
            Shown::All => None,
            Shown::Fitting(fitting) => Some(fitting.text.clone()),
        };
        let wanted = (self.scope, filter);
        if self.built.as_ref() != Some(&wanted) {
            self.built = Some(wanted);
            self.steps.clear();
            self.unfolded.clear();
            self.scanned = 0;
            self.latest = None;
        }
        let begin = Instant::now();
        let length = common.shown.len(&common.store);
        while self.scanned < length && begin.elapsed() < most {
            let analyzer = common.store.analyzer();
            let fits = in_scope(&analyzer, self.scope);
            let until = (self.scanned + 4096).min(length);
            match &common.shown {
                Shown::All => {
                    let (steps, latest) = (&mut self.steps, &mut self.latest);
                    common.store.each_from(self.scanned, |number, row| {
                        if number < until && fits(row) {
                            add(steps, latest, number as u32, row);
                        }
                        number + 1 < until
                    });
                }
                Shown::Fitting(fitting) => {
                    let rows = &fitting.rows;
                    for number in rows.get(self.scanned..until).unwrap_or_default() {
                        if let Some(row) =
                            common.store.get(*number as usize).filter(|row| fits(*row))
                        {
                            add(&mut self.steps, &mut self.latest, *number, row);
                        }
                    }
                }
            }
            self.scanned = until;
        }
        if let Some(wanted) = self.wanted {
            let place = self
                .steps
                .partition_point(|step| (step.last as usize) < wanted);
            if place < self.steps.len() || self.scanned >= length {
                self.cursor.selected = place.min(self.steps.len().saturating_sub(1));
                self.wanted = None;
            }
        }
        self.scanned < length
    }

    fn selected(&self) -> Option<Step> {
        self.steps.get(self.cursor.selected).copied()
    }

    /// The lines of a run, one each.
    fn unfold(&mut self, common: &Common) {
        let Some(step) = self.selected().filter(|step| step.count > 1) else {
            return;
        };
        let mut singles = Vec::with_capacity(step.count as usize);
        let analyzer = common.store.analyzer();
        let fits = in_scope(&analyzer, self.scope);
        let mut line = common.shown.line(step.first as usize);
        while let Some(number) = common.shown.row(line)
            && number <= step.last as usize
        {
            if common.store.get(number).is_some_and(&fits) {
                singles.extend(
                    common
                        .store
                        .get(number)
                        .map(|row| Step::of(number as u32, row)),
                );
            }
            line += 1;
        }
        self.steps
            .splice(self.cursor.selected..=self.cursor.selected, singles);
        self.unfolded.push(step);
        // What arrives later must not be taken for more of the run.
        self.latest = self
            .latest
            .filter(|_| self.cursor.selected + 1 < self.steps.len());
    }

    fn fold(&mut self) {
        let Some(here) = self.selected() else {
            return;
        };
        let is_around = |run: &Step| (run.first..=run.last).contains(&here.first);
        let Some(place) = self.unfolded.iter().position(is_around) else {
            return;
        };
        let run = self.unfolded.swap_remove(place);
        let first = self.steps.partition_point(|step| step.first < run.first);
        let behind = self.steps.partition_point(|step| step.first <= run.last);
        self.steps.splice(first..behind, [run]);
        self.cursor.selected = first;
    }
}

impl View for Flow {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        self.build(common, SLICE);
        if common.follows {
            self.cursor.selected = self.steps.len().saturating_sub(1);
        }
        if let Some(compare) = &mut self.compare {
            compare.draw(canvas, common);
            return;
        }
        let (width, height) = (canvas.width(), canvas.height());
        // Beside the ladder there is room for a datagram's fields on a wide screen.
        let side = if width >= 140 { width * 2 / 5 } else { 0 };
        self.draw_ladder(&mut canvas.part(0, 0, width - side, height), common);
        let row = self.selected().map(|step| step.first as usize);
        if let Some(row) = row {
            common.row = row;
        }
        if side > 0
            && let Some(row) = row
        {
            let analyzer = common.store.analyzer();
            let new = self.loaded != Some(row);
            common.reader.row(&analyzer, row, |item, record| {
                self.tree.load(item, record, new);
            });
            self.loaded = Some(row);
            let mut part = canvas.part(width - side + 1, 0, side - 1, height);
            self.tree.draw(&mut part, &common.settings.theme, false);
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        if let Some(compare) = &mut self.compare {
            if action == Action::Back || action == Action::Mark {
                self.compare = None;
                self.picked = None;
                return Outcome::Done;
            }
            return if compare.act(action, count) {
                Outcome::Done
            } else {
                Outcome::Ignored
            };
        }
        match action {
            Action::Open => match self.selected() {
                Some(step) if step.count > 1 => self.unfold(common),
                Some(step) => return Outcome::Show(step.first as usize),
                None => {}
            },
            Action::Right => self.unfold(common),
            Action::Left => self.fold(),
            Action::Mark => {
                let Some(step) = self.selected() else {
                    return Outcome::Done;
                };
                let row = step.first as usize;
                match self.picked {
                    Some(other) if other != row => {
                        self.compare = Some(Compare::new(other, row));
                    }
                    Some(_) => self.picked = None,
                    None => {
                        self.picked = Some(row);
                        return Outcome::Say("Space on another one compares the two".to_owned());
                    }
                }
            }
            Action::Scope => {
                let channel = common.store.get(common.row).and_then(Row::channel);
                let scope = match (self.scope, channel) {
                    (Scope::All, Some((channel, _))) => {
                        Scope::Channel(common.store.analyzer().lasting_channel(channel))
                    }
                    (Scope::Channel(channel), _) => {
                        let analyzer = common.store.analyzer();
                        let swarm = analyzer.channel(channel).map(|channel| channel.swarm);
                        swarm.map_or(Scope::All, Scope::Swarm)
                    }
                    _ => Scope::All,
                };
                self.set_scope(scope, common);
            }
            Action::Back if self.scope != Scope::All => self.set_scope(Scope::All, common),
            Action::Copy => {
                let analyzer = common.store.analyzer();
                let line = self
                    .selected()
                    .and_then(|step| Arrow::read(&mut common.reader, &analyzer, step.first));
                return line.map_or(Outcome::Done, |arrow| {
                    Outcome::Copy(format!(
                        "{} → {}: {}",
                        arrow.source, arrow.destination, arrow.text
                    ))
                });
            }
            _ => {
                if !self.cursor.act(action, count, self.steps.len()) {
                    return Outcome::Ignored;
                }
                common.follows = false;
                self.wanted = None;
                if let Some(step) = self.selected() {
                    common.row = step.first as usize;
                }
            }
        }
        Outcome::Done
    }

    fn click(&mut self, _x: u16, y: u16, common: &mut Common) -> Outcome {
        if y == 0 || self.compare.is_some() {
            return Outcome::Ignored;
        }
        let line = self.cursor.top + usize::from(y) - 1;
        if line >= self.steps.len() {
            return Outcome::Done;
        }
        if line == self.cursor.selected {
            return self.act(Action::Open, None, common);
        }
        self.cursor.selected = line;
        Outcome::Done
    }

    fn help(&self) -> &'static [(Action, &'static str)] {
        &[
            (Action::Down, "next datagram or run of them"),
            (Action::Right, "unfold a run"),
            (Action::Left, "fold it again"),
            (Action::Open, "unfold a run; show a datagram in Packets"),
            (
                Action::Mark,
                "pick one, then another one: compares them field by field",
            ),
            (Action::Scope, "this channel, its swarm, all channels"),
            (Action::Back, "all channels; back from the comparison"),
            (Action::Copy, "copy the line"),
        ]
    }

    fn work(&mut self, common: &mut Common) -> bool {
        self.build(common, SLICE)
    }
}
