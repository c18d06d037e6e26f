//! Captures that go on: to stand still, to stay at the newest, to begin anew.

use super::App;
use crate::capture::live::{LiveCounters, LiveWatch};
use crate::tui::channels::Channels;
use crate::tui::findings::Findings;
use crate::tui::flow::Flow;
use crate::tui::graphs::Graphs;
use crate::tui::packets::Packets;
use crate::tui::swarms::Swarms;
use crate::tui::view::Shown;

impl App {
    /// Shows a live capture: what arrives is followed, what is counted in sight.
    pub(in crate::tui) fn watch(&mut self, live: LiveWatch) {
        self.live = Some(live);
        self.common.follows = true;
    }

    /// Stands still, or goes on.
    pub(super) fn pause(&mut self) {
        let store = &mut self.common.store;
        if let Some(meanwhile) = store.meanwhile() {
            store.resume();
            self.say(&format!("going on: {meanwhile} came meanwhile"));
        } else if store.status().done {
            self.say("nothing more comes: there is nothing to pause");
        } else {
            store.pause();
            self.say("paused: capturing goes on, what is shown stands still");
        }
    }

    /// To the newest datagram, and stays at the newest.
    pub(super) fn follow(&mut self) {
        self.common.store.resume();
        self.common.follows = true;
        self.say("following what arrives");
    }

    /// Forgets what came until now.
    pub(super) fn clear(&mut self) {
        if self.common.store.status().done {
            self.complain("nothing more comes: what is forgotten could not be had again");
            return;
        }
        if let Err(error) = self.common.store.forget() {
            self.complain(&format!("can't make a temporary file: {error}"));
            return;
        }
        if let Some(live) = &self.live {
            self.counted = live.counters();
        }
        // What views remember are places in lists that begin anew.
        self.packets = Packets::default();
        self.swarms = Swarms::default();
        self.flow = Flow::default();
        self.channels = Channels::default();
        self.graphs = Graphs::default();
        self.findings = Findings::default();
        if let Shown::Fitting(fitting) = &self.common.shown {
            let text = fitting.text.clone();
            let place = self.place;
            self.filter(&text);
            self.place = place;
        } else {
            self.common.shown = Shown::all(&self.common.store);
        }
        self.common.let_go();
        if self.job.take().is_some() {
            self.complain("forgotten; what was being written is not whole");
        } else {
            self.say("what came until now is forgotten");
        }
    }

    /// What tells whether something new has come, to be shown or only to be counted.
    pub(in crate::tui) fn arrived(&self) -> impl PartialEq + Copy + use<> {
        let store = &self.common.store;
        let counted = self.counters().map(|now| (now.captured, now.dropped));
        (store.len(), store.meanwhile(), store.status().done, counted)
    }

    /// What the live capture counted since all was forgotten the last time.
    pub(super) fn counters(&self) -> Option<LiveCounters> {
        let now = self.live.as_ref()?.counters();
        let then = &self.counted;
        Some(LiveCounters {
            captured: now.captured.saturating_sub(then.captured),
            captured_bytes: now.captured_bytes.saturating_sub(then.captured_bytes),
            dropped: now.dropped.saturating_sub(then.dropped),
            interface_dropped: now.interface_dropped.saturating_sub(then.interface_dropped),
            ..now
        })
    }
}
