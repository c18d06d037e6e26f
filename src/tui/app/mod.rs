//! The whole user interface: what is typed goes in, a screen comes out. It knows no
//! terminal. Here is its state and what actions do; `typing` turns keys into
//! actions, `commands` does what is entered, `hits` jumps, and `frame` draws.

mod commands;
mod frame;
mod hits;
mod live;
mod typing;

use std::time::Duration;

use ratatui::layout::Rect;

use super::channels::Channels;
use super::config::Settings;
use super::findings::Findings;
use super::flow::Flow;
use super::graphs::Graphs;
use super::help::Help;
use super::job::Job;
use super::keys::{Action, Key};
use super::packets::Packets;
use super::prompt::{Prompt, PromptKind};
use super::swarms::Swarms;
use super::view::{Common, Outcome, Shown, View};
use crate::capture::live::{LiveCounters, LiveWatch};
use crate::index::{Reader, Store};
use crate::output::TimeStyle;

pub(super) use typing::DIGIT_PATIENCE;

/// How long work may keep a key waiting.
const SLICE: Duration = Duration::from_millis(3);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Packets,
    Swarms,
    Flow,
    Channels,
    Graphs,
    Findings,
}

const PLACES: [(Place, &str, Action); 6] = [
    (Place::Packets, "Packets", Action::Packets),
    (Place::Swarms, "Swarms", Action::Swarms),
    (Place::Flow, "Flow", Action::Flow),
    (Place::Channels, "Channels", Action::Channels),
    (Place::Graphs, "Graphs", Action::Graphs),
    (Place::Findings, "Findings", Action::Findings),
];

/// Everything that the user interface knows.
pub(super) struct App {
    pub(super) common: Common,
    /// What counts, where the datagrams come from a live capture.
    live: Option<LiveWatch>,
    /// What that had counted when all was forgotten.
    counted: LiveCounters,
    place: Place,
    packets: Packets,
    swarms: Swarms,
    flow: Flow,
    channels: Channels,
    graphs: Graphs,
    findings: Findings,
    prompt: Option<Prompt>,
    filters: Vec<String>,
    commands: Vec<String>,
    help: Option<Help>,
    /// What is told at the bottom, and whether it is bad news.
    message: Option<(String, bool)>,
    typed: Vec<Key>,
    digits: Vec<usize>,
    job: Option<Job>,
    /// Bytes for the terminal beside the screen: a text to copy.
    pub(super) clipboard: Option<String>,
    pub(super) quits: bool,
    pub(super) redraws: bool,
    area: Rect,
}

impl App {
    /// Over a store.
    pub(super) fn new(store: Store, settings: Settings, times: TimeStyle) -> Self {
        let reader = Reader::new(&store);
        Self {
            common: Common {
                shown: Shown::all(&store),
                store,
                reader,
                settings,
                times,
                marked: std::collections::BTreeSet::new(),
                row: 0,
                follows: false,
            },
            live: None,
            counted: LiveCounters::default(),
            place: Place::Packets,
            packets: Packets::default(),
            swarms: Swarms::default(),
            flow: Flow::default(),
            channels: Channels::default(),
            graphs: Graphs::default(),
            findings: Findings::default(),
            prompt: None,
            filters: Vec::new(),
            commands: Vec::new(),
            help: None,
            message: None,
            typed: Vec::new(),
            digits: Vec::new(),
            job: None,
            clipboard: None,
            quits: false,
            redraws: false,
            area: Rect::ZERO,
        }
    }

    fn view(&mut self) -> (&mut dyn View, &mut Common) {
        let view: &mut dyn View = match self.place {
            Place::Packets => &mut self.packets,
            Place::Swarms => &mut self.swarms,
            Place::Flow => &mut self.flow,
            Place::Channels => &mut self.channels,
            Place::Graphs => &mut self.graphs,
            Place::Findings => &mut self.findings,
        };
        (view, &mut self.common)
    }

    /// Does what a key asks for.
    pub(super) fn act(&mut self, action: Action, count: Option<usize>) {
        if let Some(help) = &mut self.help {
            if !help.act(Some(action)) {
                self.help = None;
            }
            if action != Action::Quit {
                return;
            }
            return;
        }
        let outcome = {
            let (view, common) = self.view();
            view.act(action, count, common)
        };
        if outcome == Outcome::Ignored {
            self.act_everywhere(action, count);
        } else {
            self.follow_up(outcome);
        }
    }

    fn act_everywhere(&mut self, action: Action, count: Option<usize>) {
        if let Some((place, ..)) = PLACES.iter().find(|(_, _, known)| *known == action) {
            self.go(*place);
            return;
        }
        match action {
            Action::Quit => self.quits = true,
            Action::Help => self.help = Some(Help::default()),
            Action::Redraw => self.redraws = true,
            Action::Filter => {
                let text = match &self.common.shown {
                    Shown::All(_) => "",
                    Shown::Fitting(fitting) => &fitting.text,
                };
                self.prompt = Some(Prompt::new(PromptKind::Filter, text, self.filters.clone()));
            }
            Action::Command => {
                let prompt = Prompt::new(PromptKind::Command, "", self.commands.clone());
                self.prompt = Some(prompt);
            }
            Action::TimeFormat => self.common.times = self.common.times.next(),
            Action::Follow if self.common.follows && self.common.store.meanwhile().is_none() => {
                self.common.follows = false;
                self.say("no longer following");
            }
            Action::Follow => self.follow(),
            Action::Pause => self.pause(),
            Action::Clear => self.clear(),
            Action::Mark => self.mark(),
            Action::NextHit => self.hit(true, count.unwrap_or(1)),
            Action::PreviousHit => self.hit(false, count.unwrap_or(1)),
            Action::Back => {
                if let Shown::Fitting(_) = self.common.shown {
                    let row = self.common.row;
                    self.common.shown = Shown::all(&self.common.store);
                    self.packets.show(row, &mut self.common);
                }
            }
            _ => {}
        }
    }

    fn go(&mut self, place: Place) {
        if self.place == place {
            return;
        }
        self.place = place;
        match place {
            Place::Flow => self.flow.show(self.common.row),
            Place::Packets => {
                let row = self.common.row;
                self.packets.show(row, &mut self.common);
            }
            _ => {}
        }
    }

    fn follow_up(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ignored | Outcome::Done => {}
            Outcome::Say(text) => self.say(&text),
            Outcome::Show(row) => self.show(row),
            Outcome::Flow(scope) => {
                self.flow.set_scope(scope, &self.common);
                self.place = Place::Flow;
            }
            Outcome::Copy(text) => {
                self.say(&format!("copied {} characters", text.chars().count()));
                self.clipboard = Some(text);
            }
            Outcome::Filter(text) => self.filter(&text),
        }
    }

    /// Shows a datagram in the list of packets.
    fn show(&mut self, row: usize) {
        self.place = Place::Packets;
        self.common.follows = false;
        if row < self.common.store.first() {
            self.complain("this datagram was let go: more is not kept (--keep, --keep-bytes)");
            return;
        }
        let line = self.common.shown.line(row);
        if self.common.shown.row(line) != Some(row) {
            self.common.shown = Shown::all(&self.common.store);
            self.say("the filter hides this datagram; it is taken away");
        }
        self.packets.show(row, &mut self.common);
    }

    fn say(&mut self, text: &str) {
        self.message = Some((text.to_owned(), false));
    }

    fn complain(&mut self, text: &str) {
        self.message = Some((text.to_owned(), true));
    }

    /// Works on for a moment; returns whether there is more to be done.
    pub(super) fn work(&mut self) -> bool {
        self.common.shown.advance(&self.common.store, SLICE);
        self.common.let_go();
        if let Some(job) = &mut self.job {
            match job.advance(&self.common, SLICE) {
                Ok(None) => {}
                Ok(Some(told)) => {
                    self.job = None;
                    self.say(&told);
                }
                Err(error) => {
                    self.job = None;
                    self.complain(&format!("{error:#}"));
                }
            }
        }
        let (view, common) = self.view();
        let more = view.work(common);
        more || self.job.is_some() || self.common.shown.is_behind(&self.common.store)
    }
}
