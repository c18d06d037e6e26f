//! Flow: the ladder. Peers are columns, datagrams are arrows between them; runs of
//! the same thing fold into one line.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use ppspp_dissector::finding::Severity;
use ppspp_dissector::session::{Analyzer, ChannelIndex, Time};
use ppspp_dissector::wire::{Message, MessageType};
use ratatui::style::Style;

use super::column::{duration, gravest};
use super::compare::Compare;
use super::keys::Action;
use super::list::Cursor;
use super::screen::{Canvas, put_sentence};
use super::theme::Theme;
use super::tree::TreePane;
use super::view::{Common, Outcome, Scope, Shown, View, in_scope};
use crate::index::{Reader, Row, Worst};
use crate::output::sentence;

/// From this many on, datagrams of the same sort are one line.
const FOLDED: u32 = 3;

/// How long building may keep a key waiting.
const SLICE: Duration = Duration::from_millis(6);

/// Columns of the screen for times, and for latencies.
const TIMES: u16 = 11;
const LATENCIES: u16 = 9;

/// Columns of the screen between two peers, at least.
const BETWEEN: u16 = 30;

/// Lines of the ladder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Step {
    first: u32,
    last: u32,
    count: u32,
    /// The worst verdict in it, and whether any finding is above a note.
    worst: Worst,
    is_noted: bool,
}

impl Step {
    fn of(number: u32, row: Row) -> Self {
        Self {
            first: number,
            last: number,
            count: 1,
            worst: row.worst(),
            is_noted: row.severity() > Some(Severity::Note),
        }
    }
}

/// Datagrams that look alike.
type Sort = (Option<(ChannelIndex, bool)>, u16);

fn sort_of(row: Row) -> Option<Sort> {
    let kinds = row.kinds();
    let channel = row.channel();
    let is_initiators = |side| side == ppspp_dissector::session::Side::Initiator;
    if kinds.is_keep_alive() {
        // Both directions' are one run.
        return Some((channel.map(|(channel, _)| (channel, false)), 0));
    }
    let is_data = kinds.has(MessageType::Data)
        && !kinds.has(MessageType::Handshake)
        && !kinds.has(MessageType::Request);
    let bits = MessageType::ASSIGNED
        .iter()
        .filter(|kind| kinds.has(**kind) && **kind != MessageType::Integrity)
        .fold(0, |bits, kind| bits | 1 << kind.code());
    is_data.then(|| {
        (
            channel.map(|(channel, side)| (channel, is_initiators(side))),
            bits,
        )
    })
}

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

/// Adds a datagram to the ladder.
fn add(steps: &mut Vec<Step>, latest: &mut Option<Sort>, number: u32, row: Row) {
    let sort = sort_of(row);
    if sort.is_some()
        && *latest == sort
        && let Some(step) = steps.last_mut()
    {
        step.last = number;
        step.count += 1;
        step.worst = step.worst.max(row.worst());
        step.is_noted |= row.severity() > Some(Severity::Note);
        return;
    }
    // A run of two is no run.
    if let Some(step) = steps.last().copied()
        && step.count > 1
        && step.count < FOLDED
    {
        steps.pop();
        for first in [step.first, step.last] {
            steps.push(Step {
                first,
                last: first,
                count: 1,
                ..step
            });
        }
    }
    *latest = sort;
    steps.push(Step::of(number, row));
}

/// What is drawn of a datagram.
struct Arrow {
    source: SocketAddr,
    destination: SocketAddr,
    time: Option<Time>,
    text: String,
    is_heavy: bool,
    finding: Option<(String, ppspp_dissector::finding::Severity)>,
    latency: Option<u64>,
    chunks: Option<(u64, u64)>,
    frame: u64,
}

fn arrow(reader: &mut Reader, analyzer: &Analyzer, row: u32) -> Option<Arrow> {
    reader.row(analyzer, row as usize, |item, record| {
        let size = record.layout.chunk_size.or_assumed();
        let data = record
            .messages
            .iter()
            .filter_map(|located| match &located.message {
                Message::Data { spec, .. } => spec.chunks(size).range(),
                _ => None,
            });
        let ends = |range: ppspp_dissector::wire::ChunkRange| (range.start(), range.end());
        let chunks = data
            .map(ends)
            .reduce(|(first, last), (start, end)| (first.min(start), last.max(end)));
        Arrow {
            source: item.datagram.source,
            destination: item.datagram.destination,
            time: item.datagram.time,
            text: sentence(record),
            is_heavy: chunks.is_some(),
            finding: gravest(record).zip(item.row.severity()),
            latency: item.latency,
            chunks,
            frame: item.datagram.frame,
        }
    })
}

/// Where the peers' lines stand.
struct Ladder {
    peers: Vec<SocketAddr>,
    left: u16,
    right: u16,
}

impl Ladder {
    fn place(&self, peer: SocketAddr) -> Option<u16> {
        let number = self.peers.iter().position(|known| *known == peer)?;
        let gaps = (self.peers.len() as u16).saturating_sub(1).max(1);
        Some(self.left + (self.right - self.left) / gaps * number as u16)
    }

    fn draw_lines(&self, canvas: &mut Canvas<'_>, y: u16, theme: &Theme) {
        for peer in &self.peers {
            if let Some(x) = self.place(*peer) {
                canvas.set(x, y, '│', theme.faint);
            }
        }
    }

    fn draw_arrow(
        &self,
        canvas: &mut Canvas<'_>,
        y: u16,
        arrow: &Arrow,
        text: &str,
        theme: &Theme,
    ) {
        let (Some(from), Some(to)) = (self.place(arrow.source), self.place(arrow.destination))
        else {
            let text = format!("{} → {}  {text}", arrow.source, arrow.destination);
            let mut part = canvas.part(
                self.left + 2,
                y,
                self.right.saturating_sub(self.left + 2),
                1,
            );
            put_sentence(&mut part, 0, 0, &text, theme);
            return;
        };
        let style = if arrow.is_heavy {
            theme.peer_one
        } else {
            theme.faint
        };
        let line = if arrow.is_heavy { '═' } else { '─' };
        let (low, high) = (from.min(to), from.max(to));
        for x in low + 1..high {
            canvas.set(x, y, line, style);
        }
        canvas.set(from, y, '●', style);
        if from < to {
            canvas.set(to - 1, y, '▶', style);
        } else if to + 1 < from {
            canvas.set(to + 1, y, '◀', style);
        }
        let room = high.saturating_sub(low + 5);
        let mut label = canvas.part(low + 3, y, room, 1);
        let end = label.put(0, 0, " ", theme.text);
        let mut end = put_sentence(&mut label, end, 0, text, theme);
        if let Some((finding, severity)) = &arrow.finding {
            let style: Style = theme.severity(*severity);
            if usize::from(end) + finding.len() + 3 < usize::from(room) {
                end = label.put(end, 0, &format!("  {finding}"), style);
            } else {
                // Where there is no room for its name, the mark must do.
                let x = end.min(room.saturating_sub(2));
                end = label.put(x, 0, " !", style);
            }
        }
        label.put(end, 0, " ", theme.text);
    }
}

impl Flow {
    /// Which peers are columns: those of the channel, or else those that the
    /// lines in sight are of, as many as there is room for.
    fn ladder(&self, arrows: &[Arrow], analyzer: &Analyzer, width: u16) -> Ladder {
        let mut peers: Vec<SocketAddr> = Vec::new();
        if let Scope::Channel(index) = self.scope
            && let Some(channel) = analyzer.channel(index)
        {
            use ppspp_dissector::session::Side;
            peers.extend([Side::Initiator, Side::Responder].map(|side| channel.end(side).address));
        }
        let left = TIMES + 1;
        let right = width.saturating_sub(LATENCIES + 1).max(left + 2);
        let most = usize::from((right - left) / BETWEEN) + 1;
        let selected = self.cursor.selected.saturating_sub(self.cursor.top);
        let nearest = arrows.get(selected).into_iter().chain(arrows);
        for address in nearest.flat_map(|arrow| [arrow.source, arrow.destination]) {
            if !peers.contains(&address) && peers.len() < most.max(2) {
                peers.push(address);
            }
        }
        peers.sort();
        Ladder { peers, left, right }
    }

    fn draw_ladder(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        let theme = &common.settings.theme;
        let height = canvas.height().saturating_sub(2);
        let window = self.cursor.window(self.steps.len(), height.into());
        let analyzer = common.store.analyzer();
        let reader = &mut common.reader;
        let steps = self.steps.get(window.clone()).unwrap_or_default();
        let arrows: Vec<Arrow> = steps
            .iter()
            .filter_map(|step| arrow(reader, &analyzer, step.first))
            .collect();
        let ladder = self.ladder(&arrows, &analyzer, canvas.width());
        canvas.put_right(TIMES - 1, 0, "time", theme.heading);
        for (number, peer) in ladder.peers.iter().enumerate() {
            let Some(x) = ladder.place(*peer) else {
                continue;
            };
            let name = peer.to_string();
            let half = name.len() as u16 / 2;
            let last = number + 1 == ladder.peers.len();
            let x = if number == 0 {
                x.saturating_sub(1)
            } else if last {
                (x + 2).saturating_sub(name.len() as u16)
            } else {
                x.saturating_sub(half)
            };
            canvas.put(x, 0, &name, theme.heading);
        }
        let width = canvas.width();
        canvas.put_right(width, 0, "latency", theme.heading);
        let origin = common.store.span().map(|(first, _)| first);
        let mut before: Option<Time> = window
            .start
            .checked_sub(1)
            .and_then(|line| self.steps.get(line))
            .and_then(|step| common.store.get(step.last as usize)?.time());
        for (y, (step, arrow)) in (1..).zip(steps.iter().zip(&arrows)) {
            let line = window.start + usize::from(y) - 1;
            let mut text = arrow.text.clone();
            let end = common.store.get(step.last as usize);
            let took = end.and_then(|row| Some(row.time()?.since(arrow.time?)));
            let took = duration(took.unwrap_or(0).unsigned_abs());
            ladder.draw_lines(canvas, y, theme);
            if step.count > 1 {
                let worst = canvas.marks.worst(step.worst);
                let noted = if step.is_noted { "  !" } else { "" };
                let last = super::flow::arrow(reader, &analyzer, step.last);
                text = match (arrow.chunks, last.and_then(|last| last.chunks)) {
                    (Some((first, end)), Some((start, last))) => {
                        let (first, last) = (first.min(start), last.max(end));
                        let count = step.count;
                        format!("{count} × DATA {first}-{last}{worst} in {took}{noted}")
                    }
                    _ => format!("{} × KEEPALIVE in {took}{noted}", step.count),
                };
            }
            if step.count > 1 && !arrow.is_heavy {
                let x = ladder.left + 3;
                for peer in &ladder.peers {
                    if let Some(x) = ladder.place(*peer) {
                        canvas.set(x, y, '┆', theme.faint);
                    }
                }
                canvas.put(x, y, &text, theme.faint);
            } else {
                ladder.draw_arrow(canvas, y, arrow, &text, theme);
            }
            let time = match (arrow.time, before, origin) {
                (Some(now), Some(before), _) if line > 0 => {
                    let delta = now.since(before);
                    let sign = if delta < 0 { "-" } else { "+" };
                    format!("{sign}{}", duration(delta.unsigned_abs()))
                }
                (Some(now), _, Some(origin)) => {
                    format!("{:.6}", now.since(origin) as f64 / 1e9)
                }
                _ => "–".to_owned(),
            };
            canvas.put_right(TIMES - 1, y, &time, theme.faint);
            if let Some(latency) = arrow.latency {
                canvas.put_right(width, y, &duration(latency), theme.text);
            }
            before = end.and_then(Row::time).or(before);
            let is_picked = self.picked == Some(step.first as usize);
            if line == self.cursor.selected {
                canvas.tint(0, y, TIMES, theme.selected);
                canvas.put(0, y, ">", theme.selected);
                canvas.tint(
                    width.saturating_sub(LATENCIES),
                    y,
                    LATENCIES,
                    theme.selected,
                );
            }
            if is_picked || common.marked.contains(&step.first) {
                canvas.put(0, y, "*", theme.marked);
            }
        }
        let scope = match self.scope {
            Scope::All => "all channels".to_owned(),
            Scope::Swarm(index) => {
                let swarm = analyzer.swarm(index);
                format!("swarm {}", crate::output::short_swarm(Some(swarm)))
            }
            Scope::Channel(_) => "one channel".to_owned(),
        };
        let bottom = canvas.height().saturating_sub(1);
        let mut line = format!(" {scope} (c changes)");
        if let Some(arrow) = arrows.get(self.cursor.selected.saturating_sub(window.start)) {
            line = format!("{line} · frame {}: {}", arrow.frame, arrow.text);
        }
        canvas.put(0, bottom, &line, theme.faint);
        if self.steps.is_empty() {
            canvas.put(TIMES + 1, 1, "Nothing here so far.", theme.faint);
        }
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
                    .and_then(|step| arrow(&mut common.reader, &analyzer, step.first));
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
