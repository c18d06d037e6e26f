//! A capture through the analyzer and everything that the program can write.
//! The fuzz targets include this file too.
#![allow(dead_code, unreachable_pub)]

use std::io::Write;

use ppsp_inspect::capture::{Capture, Counters};
use ppsp_inspect::output::{
    CaptureSummary, JsonTimes, Style, TimeFormat, TimeStyle, write_hex, write_json_line,
    write_line, write_stats, write_stats_json, write_tree,
};
use ppspp_dissector::session::{Analyzer, Config, Datagram, Learned, Record, recycle};

/// Writes datagrams in every way.
pub struct Outputs<'w, W: Write> {
    out: &'w mut W,
    times: TimeFormat,
    json_times: JsonTimes,
}

impl<'w, W: Write> Outputs<'w, W> {
    pub fn new(out: &'w mut W) -> Self {
        Self {
            out,
            times: TimeFormat::new(TimeStyle::Delta),
            json_times: JsonTimes::default(),
        }
    }

    pub fn datagram(
        &mut self,
        datagram: &Datagram<'_>,
        record: &Record<'_, '_>,
        comment: Option<&str>,
    ) {
        const TAKEN: &str = "the writer takes all";
        let (style, out) = (Style::new(true), &mut *self.out);
        write_line(out, datagram, record, &mut self.times, style).expect(TAKEN);
        write_tree(out, datagram, record, comment, style).expect(TAKEN);
        write_hex(out, datagram.payload).expect(TAKEN);
        write_json_line(out, datagram, record, comment, &mut self.json_times).expect(TAKEN);
    }

    pub fn summary(&mut self, counters: &Counters, analyzer: &Analyzer) {
        let comments = ["a comment".to_owned()];
        let summary = CaptureSummary {
            counters,
            analyzer,
            comments: &comments,
            selection: None,
        };
        write_stats(self.out, &summary, Style::new(true)).expect("the writer takes all");
        write_stats_json(self.out, &summary).expect("the writer takes all");
    }
}

/// What became of a capture.
#[derive(Clone, Copy, Debug, Default)]
pub struct Outcome {
    pub datagrams: u64,
    pub has_faults: bool,
}

/// Reads a capture to its end, writing everything; gives also what a second
/// reading would know from the start.
pub fn read_with_all_outputs(
    mut capture: Capture,
    learned: Learned,
    out: &mut impl Write,
) -> (Outcome, Learned) {
    let mut analyzer = Analyzer::new(Config {
        learned,
        verify: true,
        ..Config::default()
    });
    let mut outputs = Outputs::new(out);
    let mut room = Vec::new();
    while let Some(captured) = capture.next() {
        let mut messages = recycle(room);
        if let Some(record) = analyzer.datagram(&captured.datagram, &mut messages) {
            outputs.datagram(&captured.datagram, &record, captured.comment);
        }
        room = recycle(messages);
    }
    outputs.summary(capture.counters(), &analyzer);
    for fault in capture.faults() {
        assert!(!fault.to_string().is_empty());
    }
    let outcome = Outcome {
        datagrams: analyzer.totals().datagrams,
        has_faults: !capture.faults().is_empty(),
    };
    (outcome, analyzer.into_learned())
}
