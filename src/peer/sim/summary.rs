//! What came of a run, as a table and as JSON.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use super::clock::Nanotime;
use super::host::{LinkId, NodeId};
use super::network::Network;
use super::node::Node;
use super::stream::Playback;
use crate::peer::engine::Moment;

/// What a node achieved, which only somebody who knows it can tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Achievement {
    /// Bytes of content it has that it did not begin with.
    pub useful_bytes: u64,
    /// When it had all that it wanted.
    pub finished: Option<Moment>,
    /// What it has played of a live stream, where it watches one.
    pub playback: Option<Playback>,
}

/// What came of a run. Times are in seconds, sizes in bytes, rates in bits a
/// second.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// How long it was, in virtual time.
    pub duration: f64,
    /// Starts, deadlines, and hops of datagrams.
    pub events: u64,
    /// Every host, in the order in which they were added.
    pub nodes: Vec<NodeSummary>,
    /// Every link that was named, then every access link.
    pub links: Vec<LinkSummary>,
}

/// What came of a host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NodeSummary {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: SocketAddr,
    /// UDP payload sent, also what did not arrive.
    pub sent_bytes: u64,
    /// Datagrams sent.
    pub sent_datagrams: u64,
    /// UDP payload received.
    pub received_bytes: u64,
    /// Datagrams received.
    pub received_datagrams: u64,
    /// Content received.
    pub useful_bytes: u64,
    /// When it had all, since the run began; `None` where it did not, or
    /// wanted nothing.
    pub finish: Option<f64>,
    /// Content by the time from its start until it had all, or until the end.
    pub goodput: f64,
    /// Of a viewer: what it has played.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub playback: Option<PlaybackSummary>,
}

/// What a viewer has played of a live stream.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct PlaybackSummary {
    /// Chunks that were played.
    pub played: u64,
    /// Chunks that did not come in time and were left out.
    pub skipped: u64,
    /// How long after they were made chunks were played in the mean.
    pub mean_lag: f64,
    /// How long after it was made a chunk was played at most.
    pub longest_lag: f64,
}

/// What came of a link.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LinkSummary {
    /// Its name; an access link has its host's, with "up" or "down".
    pub name: String,
    /// Datagrams put on the wire.
    pub carried_datagrams: u64,
    /// Their bytes, with headers.
    pub carried_bytes: u64,
    /// Datagrams that the queue had no room for.
    pub dropped: u64,
    /// Datagrams lost on the wire.
    pub lost: u64,
    /// The share of the run in which it was busy, 0 to 1; `None` without a
    /// bandwidth.
    pub utilisation: Option<f64>,
    /// How long datagrams waited in the mean.
    pub mean_queueing_delay: f64,
    /// How long one of them waited at most.
    pub longest_queueing_delay: f64,
}

impl Summary {
    /// Sums up a run that began at `began`. `name` gives hosts their names,
    /// `achieved` tells what their nodes did, and `shared` names the links to
    /// be listed besides access links.
    pub fn of<N: Node>(
        network: &Network<N>,
        began: Nanotime,
        shared: &[(String, LinkId)],
        mut name: impl FnMut(NodeId) -> String,
        mut achieved: impl FnMut(&N) -> Achievement,
    ) -> Self {
        let duration = network.now().since(began);
        let mut links = Vec::new();
        for (name, id) in shared {
            links.extend(link(network, *id, name.clone(), duration));
        }
        let mut nodes = Vec::new();
        for (id, address, node) in network.nodes() {
            let name = name(id);
            if let Some((up, down)) = network.access_links(id) {
                links.extend(link(network, up, format!("{name} up"), duration));
                links.extend(link(network, down, format!("{name} down"), duration));
            }
            let counts = network.node_counts(id).copied().unwrap_or_default();
            let achievement = achieved(node);
            let finished = achievement.finished.map(Nanotime::from);
            let end = finished.unwrap_or(network.now());
            let active = end.since(network.start_of(id).unwrap_or(began));
            nodes.push(NodeSummary {
                name,
                address,
                sent_bytes: counts.sent_bytes,
                sent_datagrams: counts.sent,
                received_bytes: counts.received_bytes,
                received_datagrams: counts.received,
                useful_bytes: achievement.useful_bytes,
                finish: finished.map(|finished| finished.since(began).as_secs_f64()),
                goodput: ratio(achievement.useful_bytes as f64 * 8.0, active.as_secs_f64()),
                playback: achievement.playback.map(|playback| PlaybackSummary {
                    played: playback.played,
                    skipped: playback.skipped,
                    mean_lag: playback.mean_lag().as_secs_f64(),
                    longest_lag: playback.longest_lag.as_secs_f64(),
                }),
            });
        }
        Self {
            duration: duration.as_secs_f64(),
            events: network.events(),
            nodes,
            links,
        }
    }

    /// Writes it as one JSON object.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_json(&self, out: &mut impl Write) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut *out, self)?;
        writeln!(out)
    }

    /// Writes it as tables for people. Links that carried nothing are left out.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_table(&self, out: &mut impl Write) -> io::Result<()> {
        let (time, events) = (self.duration, self.events);
        writeln!(out, "{time:.3} s of virtual time, {events} events\n")?;
        let mut rows = vec![headings([
            "node", "address", "sent", "received", "content", "finished", "goodput",
        ])];
        for node in &self.nodes {
            rows.push(vec![
                node.name.clone(),
                node.address.to_string(),
                format!("{} B", node.sent_bytes),
                format!("{} B", node.received_bytes),
                format!("{} B", node.useful_bytes),
                node.finish
                    .map_or_else(|| "-".to_owned(), |finish| format!("{finish:.3} s")),
                format!("{:.3} Mbit/s", node.goodput / 1e6),
            ]);
        }
        table(out, &rows)?;
        writeln!(out)?;
        self.write_playback(out)?;
        let mut rows = vec![headings([
            "link",
            "carried",
            "dropped",
            "lost",
            "busy",
            "mean wait",
            "longest",
        ])];
        for link in self.links.iter().filter(|link| link.carried_datagrams > 0) {
            rows.push(vec![
                link.name.clone(),
                format!("{} B", link.carried_bytes),
                link.dropped.to_string(),
                link.lost.to_string(),
                link.utilisation
                    .map_or_else(|| "-".to_owned(), |busy| format!("{:.1} %", busy * 100.0)),
                format!("{:.3} ms", link.mean_queueing_delay * 1e3),
                format!("{:.3} ms", link.longest_queueing_delay * 1e3),
            ]);
        }
        table(out, &rows)
    }
}

impl Summary {
    /// Writes what viewers have played, where there are any.
    fn write_playback(&self, out: &mut impl Write) -> io::Result<()> {
        let mut rows = vec![headings([
            "viewer", "played", "left out", "mean lag", "longest",
        ])];
        for node in &self.nodes {
            rows.extend(node.playback.map(|playback| {
                vec![
                    node.name.clone(),
                    playback.played.to_string(),
                    playback.skipped.to_string(),
                    format!("{:.3} s", playback.mean_lag),
                    format!("{:.3} s", playback.longest_lag),
                ]
            }));
        }
        if rows.len() > 1 {
            table(out, &rows)?;
            writeln!(out)?;
        }
        Ok(())
    }
}

fn link<N: Node>(
    network: &Network<N>,
    id: LinkId,
    name: String,
    duration: Duration,
) -> Option<LinkSummary> {
    let counts = network.link_counts(id)?;
    let has_bandwidth = network.link_settings(id)?.bandwidth.is_some();
    // What waits still has been counted as work, but is not done yet.
    let busy = counts.busy.saturating_sub(network.link_backlog(id)?);
    let waited = counts.waited.as_secs_f64();
    Some(LinkSummary {
        name,
        carried_datagrams: counts.carried,
        carried_bytes: counts.carried_bytes,
        dropped: counts.dropped,
        lost: counts.lost,
        utilisation: has_bandwidth.then(|| ratio(busy.as_secs_f64(), duration.as_secs_f64())),
        mean_queueing_delay: ratio(waited, counts.carried as f64),
        longest_queueing_delay: counts.longest_wait.as_secs_f64(),
    })
}

/// Zero where there is nothing to divide by.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}

fn headings<const COUNT: usize>(names: [&str; COUNT]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}

/// Columns as wide as they need, the first to the left, the others to the
/// right.
fn table(out: &mut impl Write, rows: &[Vec<String>]) -> io::Result<()> {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        widths.resize(widths.len().max(row.len()), 0);
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
            if column == 0 {
                write!(out, "{cell:width$}")?;
            } else {
                write!(out, "  {cell:>width$}")?;
            }
        }
        writeln!(out)?;
    }
    Ok(())
}

#[cfg(test)]
#[path = "summary_tests.rs"]
mod tests;
