//! Marks, and the ways to the next datagram: marked, with a finding, of a frame.

use ppspp_dissector::finding::Severity;

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
        let shown = &self.common.shown;
        let is_hit = |row: usize| {
            let severity = self.common.store.get(row)?.severity();
            (severity > Some(Severity::Note)).then_some(row)
        };
        let line = shown.line(here);
        let length = shown.len(&self.common.store);
        if forward {
            (line + 1..length).find_map(|line| is_hit(shown.row(line)?))
        } else {
            (0..line.min(length))
                .rev()
                .find_map(|line| is_hit(shown.row(line)?))
        }
    }

    /// The first row of a frame, or of one after it.
    pub(super) fn row_of(&mut self, frame: u64) -> Option<usize> {
        let (mut low, mut high) = (0, self.common.store.len());
        let length = high;
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self
                .common
                .reader
                .head(middle, |item| item.datagram.frame)?;
            if found < frame {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < length).then_some(low)
    }
}
