//! Writing datagrams into a file, a little at a time.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};

use super::packet_file::{PacketFile, Written};
use super::view::Common;
use crate::index::Reader;
use crate::output::{JsonTimes, Style, TimeFormat, write_json_line, write_line};

enum Format {
    Pcapng(Box<PacketFile>),
    JsonLines(BufWriter<File>, JsonTimes),
    Text(BufWriter<File>, TimeFormat),
}

/// Which rows.
enum Rows {
    These(Vec<usize>),
    All(Range<usize>),
}

/// What is being written.
pub(super) struct Job {
    path: PathBuf,
    format: Format,
    rows: Rows,
    next: usize,
    skipped: u64,
    reader: Reader,
}

impl Job {
    /// Begins to write the marked datagrams, or else those that are shown.
    pub(super) fn new(path: &Path, over: bool, capture: bool, common: &Common) -> Result<Self> {
        let name = || path.display().to_string();
        let mut options = File::options();
        options.write(true);
        if over {
            options.create(true).truncate(true);
        } else {
            options.create_new(true);
        }
        let file = options.open(path).map_err(|error| {
            if error.kind() == std::io::ErrorKind::AlreadyExists {
                anyhow::anyhow!(
                    "{} exists; with a ! behind the command it is overwritten",
                    name()
                )
            } else {
                anyhow::Error::new(error).context(name())
            }
        })?;
        let out = BufWriter::with_capacity(256 * 1024, file);
        let is_json = path
            .extension()
            .is_some_and(|ending| ending == "jsonl" || ending == "json");
        let format = if capture {
            let file = PacketFile::new(out, common.store.inputs()).with_context(name)?;
            Format::Pcapng(Box::new(file))
        } else if is_json {
            Format::JsonLines(out, JsonTimes::default())
        } else {
            Format::Text(out, TimeFormat::new(common.times))
        };
        let rows = match &common.shown {
            _ if !common.marked.is_empty() => Rows::These(common.marked.iter().copied().collect()),
            super::view::Shown::All(first) => Rows::All(*first..common.store.len()),
            super::view::Shown::Fitting(fitting) => {
                Rows::These(fitting.rows.iter().copied().collect())
            }
        };
        Ok(Self {
            path: path.to_owned(),
            format,
            rows,
            next: 0,
            skipped: 0,
            reader: Reader::sequential(&common.store),
        })
    }

    fn len(&self) -> usize {
        match &self.rows {
            Rows::These(rows) => rows.len(),
            Rows::All(rows) => rows.len(),
        }
    }

    /// Goes on for about as long as is told. Returns what to tell at the end.
    pub(super) fn advance(&mut self, common: &Common, most: Duration) -> Result<Option<String>> {
        let begin = Instant::now();
        let length = self.len();
        while self.next < length {
            if begin.elapsed() > most {
                return Ok(None);
            }
            for _ in 0..64 {
                let written = self.write_next(common);
                if written.with_context(|| self.path.display().to_string())? == Written::NotYet {
                    // Passing over frames takes longer than writing datagrams.
                    break;
                }
            }
        }
        match &mut self.format {
            Format::Pcapng(file) => file.flush(),
            Format::JsonLines(out, _) | Format::Text(out, _) => out.flush(),
        }
        .with_context(|| self.path.display().to_string())?;
        let mut told = format!(
            "{} datagrams written to {}",
            length as u64 - self.skipped,
            self.path.display()
        );
        if self.skipped > 0 {
            told = format!(
                "{told}, {} were too long for UDP or from before 1970",
                self.skipped
            );
        }
        Ok(Some(told))
    }

    fn write_next(&mut self, common: &Common) -> Result<Written> {
        let row = match &self.rows {
            Rows::These(rows) => rows.get(self.next).copied(),
            Rows::All(rows) => rows.clone().nth(self.next),
        };
        let Some(row) = row else {
            return Ok(Written::Done);
        };
        let format = &mut self.format;
        let written = if let Format::Pcapng(file) = format {
            self.reader.head(row, |item| file.write(item))
        } else {
            let analyzer = common.store.analyzer();
            self.reader.row(&analyzer, row, |item, record| {
                let datagram = &item.datagram;
                match format {
                    Format::JsonLines(out, times) => {
                        write_json_line(out, datagram, record, item.frame.comment, times)?;
                    }
                    Format::Text(out, times) => {
                        write_line(out, datagram, record, times, Style::new(false))?;
                    }
                    Format::Pcapng(_) => {}
                }
                Ok(Written::Done)
            })
        };
        let written = written.unwrap_or(Ok(Written::Done))?;
        self.skipped += u64::from(written == Written::Skipped);
        self.next += usize::from(written != Written::NotYet);
        Ok(written)
    }

    /// What to tell meanwhile.
    pub(super) fn progress(&self) -> String {
        format!("writing {} of {}", self.next, self.len())
    }
}
