//! Marks, and the ways to the next datagram: marked, with a finding, of a frame.

use ppspp_dissector::finding::Severity;

use super::super::view::Shown;
use super::{App, Place};

impl App {
    pub(super) fn mark(&mut self) {
        let row = self.common.row as u32;
        if self.common.store.get(self.common.row).is_none() {
            return;
        }
        if !self.common.marked.remove(&row) {
            self.common.marked.insert(row);
        }
        self.say(&format!("{} marked", self.common.marked.len()));
    }

    /// To the next or previous datagram that is marked, or has a finding.
    pub(super) fn hit(&mut self, forward: bool, count: usize) {
        for _ in 0..count {
            let here = self.common.row;
            let found = if self.common.marked.is_empty() {
                self.next_finding(here, forward)
            } else if forward {
                let next = self.common.marked.range(here as u32 + 1..).next();
                next.map(|row| *row as usize)
            } else {
                let before = self.common.marked.range(..here as u32).next_back();
                before.map(|row| *row as usize)
            };
            let Some(row) = found else {
                self.say("there is no other");
                return;
            };
            if self.place == Place::Flow {
                self.flow.show(row);
                self.common.row = row;
            } else {
                self.show(row);
            }
        }
    }

    fn next_finding(&self, here: usize, forward: bool) -> Option<usize> {
        let store = &self.common.store;
        let is_hit = |row: crate::index::Row| row.severity() > Some(Severity::Note);
        let Shown::Fitting(fitting) = &self.common.shown else {
            return store.find(if forward { here + 1 } else { here }, forward, is_hit);
        };
        let is_hit = |row: &u32| store.get(*row as usize).is_some_and(is_hit);
        let found = if forward {
            let behind = fitting.rows.partition_point(|row| *row as usize <= here);
            let mut behind = fitting.rows.iter().skip(behind);
            behind.find(|row| is_hit(row))
        } else {
            let before = fitting.rows.partition_point(|row| (*row as usize) < here);
            let mut before = fitting.rows.iter().take(before).rev();
            before.find(|row| is_hit(row))
        };
        found.map(|row| *row as usize)
    }
}
