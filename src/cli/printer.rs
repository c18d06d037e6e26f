//! Datagrams as `read` and `live` print them.

use std::io::Write;
use std::ops::ControlFlow;

use anyhow::Result;
use ppspp_dissector::fields::{Frame, RecordValues};
use ppspp_dissector::filter::Filter;
use ppspp_dissector::session::{Datagram, Record};

use super::args::{FormatArg, ShowArgs};
use crate::output::{
    JsonTimes, Style, TimeFormat, write_hex, write_json_line, write_line, write_tree,
};

/// Prints those datagrams that are wanted, in the form that is wanted.
pub(super) struct Printer<'a, W> {
    pub(super) out: W,
    show: &'a ShowArgs,
    filter: Option<&'a Filter>,
    style: Style,
    times: TimeFormat,
    json_times: JsonTimes,
    left: Option<u64>,
}

impl<'a, W: Write> Printer<'a, W> {
    /// Prints to `out`.
    pub(super) fn new(out: W, show: &'a ShowArgs, style: Style) -> Self {
        Self {
            out,
            show,
            filter: show.filter.filter.as_ref(),
            style,
            times: TimeFormat::new(show.time),
            json_times: JsonTimes::default(),
            left: show.count,
        }
    }

    /// Prints a datagram, if it is wanted; says whether more are.
    pub(super) fn print(
        &mut self,
        datagram: &Datagram<'_>,
        record: &Record<'_, '_>,
        frame: Frame<'_>,
    ) -> Result<ControlFlow<()>> {
        let values = RecordValues::new(datagram, record, frame);
        if self.filter.is_some_and(|filter| !filter.matches(&values)) {
            self.times.pass(datagram.time);
            return Ok(ControlFlow::Continue(()));
        }
        let out = &mut self.out;
        match self.show.format {
            FormatArg::Jsonl => {
                write_json_line(out, datagram, record, frame.comment, &mut self.json_times)?;
            }
            FormatArg::Text if self.show.verbose => {
                write_tree(out, datagram, record, frame.comment, self.style)?;
            }
            FormatArg::Text => write_line(out, datagram, record, &mut self.times, self.style)?,
        }
        if self.show.hex {
            write_hex(out, datagram.payload)?;
            writeln!(out)?;
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
            if *left == 0 {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}
