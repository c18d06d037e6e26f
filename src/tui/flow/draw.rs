//! Drawing the ladder.

use std::net::SocketAddr;

use ppspp_dissector::session::{Analyzer, Time};

use super::super::column::duration;
use super::super::screen::Canvas;
use super::super::view::{Common, Scope};
use super::Flow;
use super::arrow::{Arrow, Ladder};
use super::steps::Step;
use crate::index::Row;

/// Columns of the screen for times, and for latencies.
const TIMES: u16 = 11;
const LATENCIES: u16 = 9;

/// Columns of the screen between two peers, at least.
const BETWEEN: u16 = 30;

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

    pub(super) fn draw_ladder(&mut self, canvas: &mut Canvas<'_>, common: &mut Common) {
        let theme = &common.settings.theme;
        let height = canvas.height().saturating_sub(2);
        let window = self.cursor.window(self.steps.len(), height.into());
        let analyzer = common.store.analyzer();
        let reader = &mut common.reader;
        // What is let go at this very moment is left out.
        let (steps, arrows): (Vec<Step>, Vec<Arrow>) = self
            .steps
            .range(window.clone())
            .filter_map(|step| Some((*step, Arrow::read(reader, &analyzer, step.first)?)))
            .unzip();
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
            .and_then(|step| common.store.get(step.last)?.time());
        for (y, (step, arrow)) in (1..).zip(steps.iter().zip(&arrows)) {
            let line = window.start + usize::from(y) - 1;
            let mut text = arrow.text.clone();
            let end = common.store.get(step.last);
            let took = end.and_then(|row| Some(row.time()?.since(arrow.time?)));
            let took = duration(took.unwrap_or(0).unsigned_abs());
            ladder.draw_lines(canvas, y, theme);
            if step.count > 1 {
                let worst = canvas.marks.worst(step.worst);
                let noted = if step.is_noted { "  !" } else { "" };
                let last = Arrow::read(reader, &analyzer, step.last);
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
            let is_picked = self.picked == Some(step.first);
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
            drop(analyzer);
            let lines = match self.wanted {
                Some(_) if !common.store.is_empty() => vec!["Looking …".to_owned()],
                _ => common.why_empty(),
            };
            for (y, line) in (1..).zip(lines) {
                canvas.put(TIMES + 1, y, &line, theme.faint);
            }
        }
    }
}
