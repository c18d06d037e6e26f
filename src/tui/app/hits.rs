//! Marks, and the ways to the next datagram: marked, with a finding, of a frame.

use ppspp_dissector::finding::Severity;

use super::super::view::Shown;
use super::{App, Place};

impl App {
    pub(super) fn mark(&mut self) {
        let row = self.common.row;
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
                let next = self.common.marked.range(here + 1..).next();
                next.copied()
            } else {
                let before = self.common.marked.range(..here).next_back();
                before.copied()
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
        let is_hit = |row: &usize| store.get(*row).is_some_and(is_hit);
        let rows = fitting.rows.iter().copied();
        if forward {
            let behind = fitting.rows.partition_point(|row| *row <= here);
            rows.skip(behind).find(is_hit)
        } else {
            let before = fitting.rows.partition_point(|row| *row < here);
            rows.take(before).rev().find(is_hit)
        }
    }
}
