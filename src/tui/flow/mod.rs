//! Flow: the ladder. Peers are columns, datagrams are arrows between them; runs of
//! the same thing fold into one line.

mod arrow;
mod draw;
mod preview;
mod steps;

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use self::arrow::Arrow;
use self::preview::Preview;
use self::steps::{Sort, Step, add};
use super::compare::Compare;
use super::keys::Action;
use super::list::Cursor;
use super::screen::Canvas;
use super::view::{Common, Outcome, Scope, Shown, View, in_scope};
use crate::index::Row;

/// How long building may keep a key waiting.
const SLICE: Duration = Duration::from_millis(3);

/// How long building may go on before the screen is drawn.
const GLANCE: Duration = Duration::from_millis(1);

/// Datagrams of a run that are unfolded at once.
const MOST_UNFOLDED: u32 = 2048;

/// The ladder and what the user does with it.
#[derive(Default)]
pub(super) struct Flow {
    scope: Scope,
    /// For which scope and filter the steps were built.
    built: Option<(Scope, Option<String>)>,
    steps: VecDeque<Step>,
    /// Lines of the list of datagrams that were looked at, those included that were
    /// let go.
    scanned: usize,
    latest: Option<Sort>,
    cursor: Cursor,
    /// The row that is to be selected once it was looked at.
    wanted: Option<usize>,
    /// Runs that the user has unfolded.
    unfolded: Vec<Step>,
    picked: Option<usize>,
    compare: Option<Compare>,
    preview: Preview,
}

impl Flow {
    /// Selects a row.
    pub(super) fn show(&mut self, row: usize) {
        self.wanted = Some(row);
    }

    /// Sets which channels are seen: from the selected datagram on, or the next one
    /// that belongs to them.
    pub(super) fn set_scope(&mut self, scope: Scope, common: &Common) {
        self.scope = scope;
        self.built = None;
        self.wanted = Some(common.row);
    }

    /// Looks at more datagrams; returns whether there are more.
    fn build(&mut self, common: &Common, most: Duration) -> bool {
        let filter = match &common.shown {
            Shown::All(_) => None,
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
        self.let_go(common);
        let begin = Instant::now();
        let gone = common.shown.gone();
        let length = gone + common.shown.len(&common.store);
        while self.scanned < length && begin.elapsed() < most {
            let analyzer = common.store.analyzer();
            let fits = in_scope(&analyzer, self.scope);
            let until = (self.scanned + 4096).min(length);
            match &common.shown {
                Shown::All(_) => {
                    let (steps, latest) = (&mut self.steps, &mut self.latest);
                    common.store.each_from(self.scanned, |number, row| {
                        if number < until && fits(row) {
                            add(steps, latest, number, row);
                        }
                        number + 1 < until
                    });
                }
                Shown::Fitting(fitting) => {
                    for number in fitting.rows.range(self.scanned - gone..until - gone) {
                        if let Some(row) = common.store.get(*number).filter(|row| fits(*row)) {
                            add(&mut self.steps, &mut self.latest, *number, row);
                        }
                    }
                }
            }
            self.scanned = until;
        }
        if let Some(wanted) = self.wanted {
            let place = self.steps.partition_point(|step| step.last < wanted);
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

    /// The lines of a run, one each; of a long one, the first of them.
    fn unfold(&mut self, common: &Common) {
        let Some(step) = self.selected().filter(|step| step.count > 1) else {
            return;
        };
        let mut singles = Vec::with_capacity(step.count.min(MOST_UNFOLDED) as usize + 1);
        let analyzer = common.store.analyzer();
        let fits = in_scope(&analyzer, self.scope);
        let mut line = common.shown.line(step.first);
        let mut counted = 0;
        while let Some(number) = common.shown.row(line)
            && number <= step.last
        {
            if let Some(row) = common.store.get(number).filter(|row| fits(*row)) {
                if counted == MOST_UNFOLDED {
                    singles.push(Step {
                        first: number,
                        count: step.count - counted,
                        ..step
                    });
                    break;
                }
                counted += 1;
                singles.push(Step::of(number, row));
            }
            line += 1;
        }
        let here = self.cursor.selected;
        self.replace(here..here + 1, singles);
        self.unfolded.push(step);
        // What arrives later must not be taken for more of the run.
        self.latest = self
            .latest
            .filter(|_| self.cursor.selected + 1 < self.steps.len());
    }

    /// Puts other lines in the places of some.
    fn replace(&mut self, places: std::ops::Range<usize>, by: Vec<Step>) {
        let mut steps = Vec::from(std::mem::take(&mut self.steps));
        steps.splice(places, by);
        self.steps = steps.into();
    }

    /// Lets go of what the store has let go of; a run goes with its first datagram.
    fn let_go(&mut self, common: &Common) {
        let first = common.store.first();
        let mut count = 0;
        while self.steps.front().is_some_and(|step| step.first < first) {
            self.steps.pop_front();
            count += 1;
        }
        if count > 0 {
            self.cursor.shift(count);
            self.unfolded.retain(|run| run.first >= first);
            self.picked = self.picked.filter(|row| *row >= first);
            if self.steps.is_empty() {
                self.latest = None;
            }
        }
        self.scanned = self.scanned.max(common.shown.gone());
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
        self.replace(first..behind, vec![run]);
        self.cursor.selected = first;
    }
}

impl View for Flow {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        self.build(common, GLANCE);
        if common.follows {
            self.cursor.selected = self.steps.len().saturating_sub(1);
        }
        if let Some(compare) = &mut self.compare {
            compare.draw(canvas, common);
            return;
        }
        let (width, height) = (canvas.width(), canvas.height());
        let (side, below) = self.preview.room(width, height);
        self.draw_ladder(&mut canvas.part(0, 0, width - side, height - below), common);
        let Some(row) = self.selected().map(|step| step.first) else {
            return;
        };
        // While the ladder is built, what the user looked at stays.
        if self.wanted.is_none() {
            common.row = row;
        }
        if side > 0 {
            let mut part = canvas.part(width - side + 1, 0, side - 1, height);
            self.preview.draw(&mut part, common, row);
        } else if below > 0 {
            let mut part = canvas.part(0, height - below, width, below);
            self.preview.draw(&mut part, common, row);
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
        if let Some(outcome) = self.preview.act(action, count) {
            return outcome;
        }
        match action {
            Action::Open => match self.selected() {
                Some(step) if step.count > 1 => self.unfold(common),
                Some(step) => return Outcome::Show(step.first),
                None => {}
            },
            Action::Right => self.unfold(common),
            Action::Left => self.fold(),
            Action::Mark => {
                let Some(step) = self.selected() else {
                    return Outcome::Done;
                };
                let row = step.first;
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
                    common.row = step.first;
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
                Action::NextPane,
                "the datagram's fields and bytes, and back to the ladder",
            ),
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
