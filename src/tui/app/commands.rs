//! What is entered: filters, and the commands behind `:`.

use ppspp_dissector::filter::Filter;

use super::{App, Place, SLICE};
use crate::tui::command::Command;
use crate::tui::help::Help;
use crate::tui::job::Job;
use crate::tui::theme::Theme;
use crate::tui::view::{Fitting, Shown};

impl App {
    pub(in crate::tui) fn filter(&mut self, text: &str) {
        let row = self.common.row;
        if text.is_empty() {
            self.common.shown = Shown::all(&self.common.store);
        } else {
            match Filter::parse(text) {
                Ok(filter) => {
                    let fitting = Fitting::new(text, filter, &self.common.store);
                    self.common.shown = Shown::Fitting(Box::new(fitting));
                    self.common.shown.advance(&self.common.store, SLICE);
                }
                Err(error) => {
                    self.complain(&format!("at {}: {error}", error.offset + 1));
                    return;
                }
            }
        }
        self.place = Place::Packets;
        self.packets.show(row, &mut self.common);
    }

    pub(super) fn run(&mut self, command: Command) {
        match command {
            Command::Goto(frame) => match self.common.row_of(frame) {
                Some(row) => self.show(row),
                None => self.complain(&format!(
                    "there is no datagram in frame {frame} or after it"
                )),
            },
            Command::Filter(text) => self.filter(&text),
            Command::Write(path, over) | Command::Export(path, over) if self.job.is_some() => {
                let _ = (path, over);
                self.complain("something is being written already");
            }
            Command::Write(path, over) => self.begin(Job::new(&path, over, true, &self.common)),
            Command::Export(path, over) => self.begin(Job::new(&path, over, false, &self.common)),
            Command::Columns(columns) => self.common.settings.columns = columns,
            Command::Theme(name) => match Theme::with(name, &self.common.settings.colours) {
                Ok(theme) => self.common.settings.theme = theme,
                Err(error) => self.complain(&error.to_string()),
            },
            Command::Time(style) => self.common.times = style,
            Command::Pause => self.pause(),
            Command::Follow => self.follow(),
            Command::Clear => self.clear(),
            Command::Unmark => self.common.marked.clear(),
            Command::Help => self.help = Some(Help::default()),
            Command::Quit => self.quits = true,
        }
    }

    fn begin(&mut self, job: anyhow::Result<Job>) {
        match job {
            Ok(job) => self.job = Some(job),
            Err(error) => self.complain(&format!("{error:#}")),
        }
    }
}
