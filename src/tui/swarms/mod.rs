//! Swarms: the list, and inside one its chunk map, its peers' maps, and its tree.

mod chunk_map;
mod hash_tree;
mod inside;
mod list;
mod peers;

use self::inside::Inside;
use super::keys::Action;
use super::list::Cursor;
use super::screen::Canvas;
use super::view::{Common, Outcome, Scope, View};
use crate::output::Hex;

/// The list, and what is open in it.
#[derive(Default)]
pub(super) struct Swarms {
    cursor: Cursor,
    open: Option<Box<Inside>>,
}

impl View for Swarms {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        match &mut self.open {
            Some(inside) => inside.draw(canvas, common),
            None => list::draw(canvas, common, &mut self.cursor),
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        if let Some(inside) = &mut self.open {
            let outcome = inside.act(action, count, common);
            if outcome == Outcome::Ignored && action == Action::Back {
                self.open = None;
                return Outcome::Done;
            }
            return outcome;
        }
        let selected = {
            let analyzer = common.store.analyzer();
            let length = analyzer.numbered_swarms().count();
            if self.cursor.act(action, count, length) {
                return Outcome::Done;
            }
            let mut swarms = analyzer.numbered_swarms();
            swarms.nth(self.cursor.selected).map(|(index, _)| index)
        };
        let Some(index) = selected else {
            return Outcome::Ignored;
        };
        match action {
            Action::Open | Action::Right => self.open = Some(Box::new(Inside::new(index))),
            Action::Scope => return Outcome::Flow(Scope::Swarm(index)),
            Action::Copy => {
                let id = common.store.analyzer().swarm(index).id.clone();
                return id.map_or(Outcome::Done, |id| Outcome::Copy(Hex(&id).to_string()));
            }
            _ => return Outcome::Ignored,
        }
        Outcome::Done
    }

    fn click(&mut self, x: u16, y: u16, common: &mut Common) -> Outcome {
        if let Some(inside) = &mut self.open {
            return inside.click(x, y, common);
        }
        if y > 0 {
            let line = self.cursor.top + usize::from(y) - 1;
            if line == self.cursor.selected {
                return self.act(Action::Open, None, common);
            }
            self.cursor.selected = line;
        }
        Outcome::Done
    }

    fn help(&self) -> &'static [(Action, &'static str)] {
        &[
            (
                Action::Open,
                "the swarm's chunk map; there: the datagrams with this chunk",
            ),
            (Action::Back, "back to the list"),
            (
                Action::NextPane,
                "chunk map, peers, tree; in the tree Enter jumps to the frame",
            ),
            (
                Action::Right,
                "next cell of the map; among the peers: later in time",
            ),
            (
                Action::Grow,
                "zoom in: fewer chunks to a cell, smaller steps in time",
            ),
            (Action::Shrink, "zoom out"),
            (
                Action::PerPeer,
                "what each peer had at a time (█ all, ▒ some) or was sent (?)",
            ),
            (Action::Scope, "the swarm's flow"),
            (Action::Copy, "copy the swarm ID, in the tree the hash"),
        ]
    }

    fn work(&mut self, common: &mut Common) -> bool {
        let open = self.open.as_mut();
        open.is_some_and(|inside| inside.work(common))
    }
}
