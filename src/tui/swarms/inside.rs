//! Inside a swarm: its facts, its chunk map, its peers' maps, and its tree.

use ppspp_dissector::session::{Analyzer, Swarm, SwarmIndex};

use super::super::keys::Action;
use super::super::screen::Canvas;
use super::super::view::{Common, Outcome, Scope};
use super::chunk_map::{ChunkMap, worst_of};
use super::hash_tree::HashTree;
use super::list::facts;
use super::peers::{Peers, channels_of};
use crate::output::{Hex, short_swarm};

/// Which part takes the keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pane {
    Map,
    Peers,
    Tree,
}

/// One swarm.
pub(super) struct Inside {
    index: SwarmIndex,
    map: ChunkMap,
    peers: Peers,
    has_peers: bool,
    tree: HashTree,
    pane: Pane,
    /// First lines of the map, the peers' maps and the tree, when they were drawn
    /// last.
    tops: (u16, u16, u16),
}

impl Inside {
    /// A swarm, at its first chunk.
    pub(super) fn new(index: SwarmIndex) -> Self {
        Self {
            index,
            map: ChunkMap::default(),
            peers: Peers::default(),
            has_peers: false,
            tree: HashTree::default(),
            pane: Pane::Map,
            tops: (0, 0, 0),
        }
    }

    /// Works on; returns whether there is more to be done.
    pub(super) fn work(&mut self, common: &Common) -> bool {
        self.tree.work(&common.store)
    }

    pub(super) fn draw(&mut self, canvas: &mut Canvas<'_>, common: &Common) {
        let theme = &common.settings.theme;
        let analyzer = common.store.analyzer();
        let swarm = analyzer.swarm(self.index);
        let id = swarm.id.as_deref().unwrap_or_default();
        let id = if id.is_empty() {
            "not named in this capture".to_owned()
        } else {
            Hex(id).to_string()
        };
        let x = canvas.put(1, 0, "Swarm ", theme.heading);
        canvas.put(x, 0, &id, theme.swarm);
        canvas.put(1, 1, &facts(swarm), theme.text);
        let width = canvas.width();
        let summary = summary(common, &analyzer, self.index);
        let mut y = 2;
        for line in lines_of(&summary, usize::from(width.saturating_sub(2)), 2) {
            canvas.put(1, y, &line, theme.text);
            y += 1;
        }
        self.map.fit(swarm);
        let height = canvas.height();
        let map_height = (height.saturating_sub(5) / 3).clamp(1, 12);
        let legend = if self.pane == Pane::Map {
            theme.heading
        } else {
            theme.faint
        };
        let worst = |first, last| worst_of(swarm, first, last);
        let mut part = canvas.part(0, y + 1, width, map_height);
        let used = self.map.draw(&mut part, theme, worst);
        canvas.put(1, y, &self.map.legend(swarm), legend);
        self.tops.0 = y + 1;
        y += 1 + used;
        self.tops.1 = y;
        if self.has_peers {
            let most = (height.saturating_sub(y) / 2).max(2);
            let focused = self.pane == Pane::Peers;
            let mut part = canvas.part(0, y, width, most);
            let (index, map) = (self.index, &self.map);
            y += self
                .peers
                .draw(&mut part, common, &analyzer, index, map, focused);
        }
        self.tops.2 = y;
        let mut part = canvas.part(0, y, width, height.saturating_sub(y));
        let (chunk, focused) = (self.map.chunk, self.pane == Pane::Tree);
        self.tree
            .draw(&mut part, common, &analyzer, self.index, chunk, focused);
    }

    pub(super) fn act(
        &mut self,
        action: Action,
        count: Option<usize>,
        common: &mut Common,
    ) -> Outcome {
        match action {
            Action::NextPane | Action::PreviousPane => {
                let is_forward = action == Action::NextPane;
                self.pane = match self.pane {
                    Pane::Map if is_forward && self.has_peers => Pane::Peers,
                    Pane::Tree if !is_forward && self.has_peers => Pane::Peers,
                    Pane::Peers if is_forward => Pane::Tree,
                    Pane::Map => Pane::Tree,
                    Pane::Peers | Pane::Tree => Pane::Map,
                };
                return Outcome::Done;
            }
            Action::PerPeer => {
                self.has_peers = !self.has_peers;
                self.pane = match (self.has_peers, self.pane) {
                    (true, _) => Pane::Peers,
                    (false, Pane::Peers) => Pane::Map,
                    (false, pane) => pane,
                };
                return Outcome::Done;
            }
            Action::Scope => return Outcome::Flow(Scope::Swarm(self.index)),
            Action::Back if self.pane != Pane::Map => {
                self.pane = Pane::Map;
                return Outcome::Done;
            }
            _ => {}
        }
        let done = match self.pane {
            Pane::Map => match action {
                Action::Open => Some(Outcome::Filter(self.filter(common))),
                _ => self.map.act(action, count).then_some(Outcome::Done),
            },
            Pane::Peers => {
                let peers = common.store.analyzer().swarm(self.index).peers().count();
                self.peers.act(action, count, common, peers)
            }
            Pane::Tree => self.tree.act(action, count, common),
        };
        if let Some(outcome) = done {
            return outcome;
        }
        if action == Action::Copy {
            let id = common.store.analyzer().swarm(self.index).id.clone();
            return id.map_or(Outcome::Done, |id| Outcome::Copy(Hex(&id).to_string()));
        }
        Outcome::Ignored
    }

    pub(super) fn click(&mut self, x: u16, y: u16, common: &mut Common) -> Outcome {
        let (map, peers, tree) = self.tops;
        if y > tree {
            let was_focused = self.pane == Pane::Tree;
            self.pane = Pane::Tree;
            if self.tree.click(y - tree - 1) && was_focused {
                return self.act(Action::Open, None, common);
            }
        } else if self.has_peers && y > peers && y < tree {
            self.pane = Pane::Peers;
        } else if y >= map && y < peers {
            self.pane = Pane::Map;
            self.map.click(x, y - map);
        }
        Outcome::Done
    }

    /// The filter for the datagrams that bring the selected chunk.
    fn filter(&self, common: &Common) -> String {
        let analyzer = common.store.analyzer();
        let short = short_swarm(Some(analyzer.swarm(self.index)));
        let pairs: Vec<_> = short
            .as_bytes()
            .chunks(2)
            .map(|pair| String::from_utf8_lossy(pair).into_owned())
            .collect();
        let chunk = self.map.chunk;
        let chunk = format!("ppspp.chunk.start <= {chunk} && ppspp.chunk.end >= {chunk}");
        if analyzer.swarm(self.index).id.is_none() {
            return chunk;
        }
        format!("ppspp.swarm[0:3] == {} && {chunk}", pairs.join(":"))
    }
}

/// What is to be said of a swarm in few words, what matters most first.
fn summary(common: &Common, analyzer: &Analyzer, index: SwarmIndex) -> Vec<String> {
    let swarm: &Swarm = analyzer.swarm(index);
    let found = swarm.verification.as_deref();
    let size = swarm.chunk_size().map(|size| size.value);
    let length = found.and_then(|found| found.content_length(size));
    let (mut duplicates, mut again, mut unrequested) = (0, 0, 0);
    for (channel, _) in channels_of(analyzer, index) {
        common.store.with_conversation(channel, |conversation| {
            for direction in &conversation.directions {
                duplicates += direction.duplicates;
                again += direction.requested_again;
                unrequested += direction.unrequested;
            }
        });
    }
    let receivers = found.map_or(0, |found| {
        let receivers = found.receivers();
        let were_sent = receivers.filter(|(_, receiver)| !receiver.tally().is_empty());
        were_sent.count()
    });
    let verified = found.map_or(0, |found| found.verified().len());
    let seen = swarm.seen.len();
    let mut parts = Vec::new();
    match found.and_then(|found| Some((found.size()?, found.is_complete()))) {
        Some((size, true)) => parts.push(format!("{size} chunks, complete ✓")),
        Some((size, false)) => parts.push(format!("✓ {verified} of {size} chunks, {seen} seen")),
        None => parts.push(format!("✓ {verified} of {seen} chunks seen")),
    }
    parts.push(length.map_or_else(
        || "length not known".to_owned(),
        |length| format!("{length} bytes"),
    ));
    if let Some(found) = found {
        if found.messages().failed > 0 {
            parts.push(format!("✗ {} copies failed", found.messages().failed));
        }
        let signatures = found.signatures();
        if !signatures.is_empty() {
            let (good, bad) = (signatures.verified, signatures.failed);
            parts.push(format!("signatures ✓{good} ✗{bad}"));
        }
    }
    let peers = swarm.peers().count();
    parts.push(format!("{peers} peers, {receivers} received"));
    parts.push(format!("{duplicates} duplicates"));
    parts.push(format!("{unrequested} unrequested"));
    parts.push(format!("{again} requested again"));
    parts
}

/// Parts of a sentence on as many lines as they need, within limits.
fn lines_of(parts: &[String], width: usize, most: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let is_last = lines.len() == most;
        match lines.last_mut() {
            Some(line) if is_last || line.chars().count() + part.chars().count() + 3 <= width => {
                line.push_str(" · ");
                line.push_str(part);
            }
            _ => lines.push(part.clone()),
        }
    }
    lines
}
