//! Swarms: the list, and inside one its chunk map, its peers' maps, and its tree.

use ppspp_dissector::session::{Analyzer, SwarmIndex};

use super::chunk_map::{ChunkMap, worst_of};
use super::column::bytes;
use super::hash_tree::draw_hash_tree;
use super::keys::Action;
use super::list::Cursor;
use super::screen::Canvas;
use super::theme::Theme;
use super::view::{Common, Outcome, Scope, View};
use crate::index::Worst;
use crate::output::{Hex, short_swarm};

/// The list, and what is open in it.
#[derive(Default)]
pub(super) struct Swarms {
    cursor: Cursor,
    open: Option<SwarmIndex>,
    map: ChunkMap,
    per_peer: bool,
    /// Places of the map, when it was drawn last.
    map_top: u16,
}

/// Facts that stand in a line: kind, method, function, addressing, chunk size.
fn facts(swarm: &ppspp_dissector::session::Swarm) -> String {
    let mark = |inferred| if inferred { " (inferred)" } else { "" };
    let mut facts = vec![
        if swarm.is_live() {
            "live"
        } else if swarm.is_static() {
            "static"
        } else {
            "?"
        }
        .to_owned(),
    ];
    if let Some(method) = swarm.content_integrity {
        facts.push(method.to_string());
    }
    if let Some(function) = swarm.hash_function {
        facts.push(format!("{}{}", function.value, mark(function.inferred)));
    }
    if let Some(addressing) = swarm.chunk_addressing {
        facts.push(format!("{}{}", addressing.value, mark(addressing.inferred)));
    }
    if let Some(size) = swarm.chunk_size() {
        facts.push(format!("{} bytes{}", size.value, mark(size.inferred)));
    }
    facts.push(swarm.dialect.name.to_owned());
    facts.join(" · ")
}

impl Swarms {
    fn draw_list(&mut self, canvas: &mut Canvas<'_>, common: &Common) {
        let theme = &common.settings.theme;
        let analyzer = common.store.analyzer();
        let swarms: Vec<_> = analyzer.numbered_swarms().collect();
        let heading = "Swarm       Chunks ✓verified  ✗failed      ? Peers Length";
        canvas.put(1, 0, heading, theme.heading);
        if swarms.is_empty() {
            canvas.put(1, 1, "No swarm so far.", theme.faint);
            return;
        }
        let height = canvas.height().saturating_sub(1);
        let window = self.cursor.window(swarms.len(), height.into());
        for (y, line) in (1..).zip(window) {
            let Some((_, swarm)) = swarms.get(line) else {
                break;
            };
            let id = swarm.id.as_deref().unwrap_or_default();
            let name = if id.is_empty() {
                "not named".to_owned()
            } else {
                Hex(id.get(..4).unwrap_or(id)).to_string() + "…"
            };
            canvas.put(1, y, &name, theme.swarm);
            let (mut verified, mut failed, mut length, mut total) = (0, 0, None, None);
            let seen = swarm.seen.len();
            let mut judged = 0;
            if let Some(found) = &swarm.verification {
                verified = found.verified().len();
                failed = found.failed().len();
                judged = found.judged();
                total = found.size();
                let size = swarm.chunk_size().map(|size| size.value);
                length = found.content_length(size);
            }
            let total = total.map_or_else(|| format!("{seen}"), |total| total.to_string());
            canvas.put_right(19, y, &total, theme.text);
            canvas.put_right(29, y, &verified.to_string(), theme.good);
            let style = if failed > 0 { theme.bad } else { theme.faint };
            canvas.put_right(38, y, &failed.to_string(), style);
            let open = seen.saturating_sub(judged);
            let style = if open > 0 { theme.unknown } else { theme.faint };
            canvas.put_right(45, y, &open.to_string(), style);
            canvas.put_right(51, y, &swarm.peers().count().to_string(), theme.text);
            let length = length.map_or_else(|| "–".to_owned(), bytes);
            canvas.put(52, y, &length, theme.text);
            canvas.put(60, y, &facts(swarm), theme.faint);
            if line == self.cursor.selected {
                canvas.fill(y, theme.selected);
                canvas.put(0, y, ">", theme.selected);
            }
        }
    }

    fn draw_swarm(&mut self, canvas: &mut Canvas<'_>, common: &Common, index: SwarmIndex) {
        let theme = &common.settings.theme;
        let analyzer = common.store.analyzer();
        let swarm = analyzer.swarm(index);
        let id = swarm.id.as_deref().unwrap_or_default();
        let id = if id.is_empty() {
            "not named in this capture".to_owned()
        } else {
            Hex(id).to_string()
        };
        let x = canvas.put(1, 0, "Swarm ", theme.heading);
        canvas.put(x, 0, &id, theme.swarm);
        canvas.put(1, 1, &facts(swarm), theme.text);
        let found = swarm.verification.as_deref();
        let size = swarm.chunk_size().map(|size| size.value);
        let length = found.and_then(|found| found.content_length(size));
        let (mut duplicates, mut again) = (0, 0);
        for (channel, _) in channels_of(&analyzer, index) {
            common.store.with_conversation(channel, |conversation| {
                for direction in &conversation.directions {
                    duplicates += direction.duplicates;
                    again += direction.requested_again;
                }
            });
        }
        let receivers = found.map_or(0, |found| found.receivers().count());
        let verified = found.map_or(0, |found| found.verified().len());
        let mut summary = vec![
            length.map_or_else(
                || "length not known".to_owned(),
                |length| format!("{length} bytes"),
            ),
            format!("{verified} of {} chunks verified", swarm.seen.len()),
        ];
        if let Some(found) = found {
            if found.is_complete() {
                summary.push("complete ✓".to_owned());
            }
            if found.messages().failed > 0 {
                summary.push(format!("✗ {} copies failed", found.messages().failed));
            }
            let signatures = found.signatures();
            if !signatures.is_empty() {
                let (good, bad) = (signatures.verified, signatures.failed);
                summary.push(format!("signatures ✓{good} ✗{bad}"));
            }
        }
        let peers = swarm.peers().count();
        summary.push(format!("{peers} peers, {receivers} received"));
        summary.push(format!("{duplicates} duplicates"));
        summary.push(format!("{again} requested again"));
        let summary = summary.join(" · ");
        canvas.put(1, 2, &summary, theme.text);
        self.map.fit(swarm);
        let height = canvas.height();
        let map_height = (height.saturating_sub(5) / 3).clamp(1, 12);
        self.map_top = 4;
        canvas.put(1, 3, &self.map.legend(swarm), theme.faint);
        let worst = |first, last| worst_of(swarm, first, last);
        let width = canvas.width();
        let used = self
            .map
            .draw(&mut canvas.part(0, 4, width, map_height), theme, worst);
        let mut y = 4 + used;
        if self.per_peer {
            let most = (height.saturating_sub(y) / 2).max(1);
            y += self.draw_peers(
                &mut canvas.part(0, y, width, most),
                common,
                &analyzer,
                index,
            );
        }
        let chunk = self.map.chunk;
        canvas.rule(y, &format!("Tree around chunk {chunk}"), theme, true);
        let below = height.saturating_sub(y + 1);
        let mut part = canvas.part(0, y + 1, width, below);
        match found {
            Some(found) => draw_hash_tree(&mut part, theme, found, swarm, chunk),
            None => {
                part.put(1, 0, "Nothing was verified here.", theme.faint);
            }
        }
    }

    /// What each peer has announced, and what it sent; returns the lines it took.
    fn draw_peers(
        &self,
        canvas: &mut Canvas<'_>,
        common: &Common,
        analyzer: &Analyzer,
        index: SwarmIndex,
    ) -> u16 {
        use ppspp_dissector::session::Side;
        use ppspp_dissector::wire::ChunkRange;
        let theme = &common.settings.theme;
        let swarm = analyzer.swarm(index);
        let channels: Vec<_> = channels_of(analyzer, index).collect();
        let mut lines = 0;
        let label = 24u16.min(canvas.width() / 2);
        for (y, address) in (0..canvas.height()).zip(swarm.peers()) {
            lines += 1;
            let mut name = canvas.part(0, y, label - 1, 1);
            name.put(1, 0, &address.to_string(), theme.text);
            let cells = usize::from(canvas.width().saturating_sub(label + 1));
            let per_cell = self.map.total().div_ceil(cells.max(1) as u64).max(1);
            for cell in 0..cells as u64 {
                let first = self.map.first() + cell * per_cell;
                if first > self.map.last() {
                    break;
                }
                let last = (first + per_cell - 1).min(self.map.last());
                let Some(range) = ChunkRange::new(first, last) else {
                    break;
                };
                let (mut has_all, mut has_some, mut got) = (false, false, false);
                for (channel, known) in &channels {
                    common.store.with_conversation(*channel, |conversation| {
                        for side in [Side::Initiator, Side::Responder] {
                            if known.end(side).address == *address {
                                let announced = conversation.sent_by(side).announced();
                                has_all |= announced.contains_all(range);
                                has_some |= announced.overlaps(range);
                                let sent = conversation.sent_by(side.other()).sent();
                                got |= sent.overlaps(range);
                            }
                        }
                    });
                }
                let (character, style) = match (has_all, has_some, got) {
                    (true, ..) => ('█', theme.good),
                    (_, true, _) => ('▒', theme.good),
                    (_, _, true) => ('?', theme.unknown),
                    _ => ('·', theme.faint),
                };
                canvas.set(label + cell as u16, y, character, style);
            }
        }
        lines
    }
}

/// The channels of a swarm.
fn channels_of(
    analyzer: &Analyzer,
    swarm: SwarmIndex,
) -> impl Iterator<
    Item = (
        ppspp_dissector::session::ChannelIndex,
        &ppspp_dissector::session::Channel,
    ),
> {
    let all = analyzer.numbered_channels();
    all.filter(move |(_, channel)| channel.swarm == swarm)
}

impl View for Swarms {
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        match self.open {
            Some(index) => self.draw_swarm(canvas, common, index),
            None => self.draw_list(canvas, common),
        }
    }

    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome {
        let selected = {
            let analyzer = common.store.analyzer();
            let swarms: Vec<_> = analyzer.numbered_swarms().map(|(index, _)| index).collect();
            if self.open.is_none() && self.cursor.act(action, count, swarms.len()) {
                return Outcome::Done;
            }
            swarms.get(self.cursor.selected).copied()
        };
        match (action, self.open) {
            (Action::Open | Action::Right, None) => {
                if selected.is_some() {
                    self.map = ChunkMap::default();
                }
                self.open = selected;
            }
            (Action::Back, Some(_)) => self.open = None,
            (Action::PerPeer, Some(_)) => self.per_peer = !self.per_peer,
            (Action::Open, Some(_)) => {
                return Outcome::Filter(format!(
                    "ppspp.swarm[0:3] == {} && ppspp.chunk.start <= {chunk} && ppspp.chunk.end >= {chunk}",
                    swarm_slice(common, self.open),
                    chunk = self.map.chunk,
                ));
            }
            (Action::Scope, _) => {
                return self
                    .open
                    .or(selected)
                    .map_or(Outcome::Done, |index| Outcome::Flow(Scope::Swarm(index)));
            }
            (Action::Copy, _) => {
                let analyzer = common.store.analyzer();
                let id = self
                    .open
                    .or(selected)
                    .and_then(|index| analyzer.swarm(index).id.clone());
                return id.map_or(Outcome::Done, |id| Outcome::Copy(Hex(&id).to_string()));
            }
            (_, Some(_)) if self.map.act(action, count) => {}
            _ => return Outcome::Ignored,
        }
        Outcome::Done
    }

    fn click(&mut self, x: u16, y: u16, common: &mut Common) -> Outcome {
        if self.open.is_some() {
            self.map.click(x, y.saturating_sub(self.map_top));
        } else if y > 0 {
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
            (Action::Right, "next cell of the map"),
            (Action::Grow, "zoom in: fewer chunks to a cell"),
            (Action::Shrink, "zoom out"),
            (
                Action::PerPeer,
                "what each peer has announced (█ all, ▒ some) or was sent (?)",
            ),
            (Action::Scope, "the swarm's flow"),
            (Action::Copy, "copy the swarm ID"),
        ]
    }
}

/// The beginning of a swarm's ID as filters write it.
fn swarm_slice(common: &Common, index: Option<SwarmIndex>) -> String {
    let analyzer = common.store.analyzer();
    let short = short_swarm(index.map(|index| analyzer.swarm(index)));
    let pairs: Vec<_> = short
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).into_owned())
        .collect();
    pairs.join(":")
}

/// The colour of a cell.
pub(super) fn cell(worst: Worst, is_whole: bool, theme: &Theme) -> (char, ratatui::style::Style) {
    match worst {
        Worst::Nothing => ('·', theme.faint),
        Worst::Verified if !is_whole => ('▒', theme.good),
        Worst::Verified => ('✓', theme.good),
        Worst::Failed => ('✗', theme.bad),
        Worst::Unverified => ('?', theme.unknown),
        Worst::Unprotected => ('o', theme.plain),
    }
}
