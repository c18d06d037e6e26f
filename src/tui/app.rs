//! The whole user interface: what is typed goes in, a screen comes out. It knows no
//! terminal.

use std::time::Duration;

use ppspp_dissector::filter::Filter;
use ppspp_dissector::finding::Severity;
use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyEvent, MouseButton, MouseEvent, MouseEventKind};
use ratatui::layout::Rect;

use super::channels::Channels;
use super::column::bytes;
use super::command::Command;
use super::config::Settings;
use super::findings::Findings;
use super::flow::Flow;
use super::graphs::Graphs;
use super::help::Help;
use super::job::Job;
use super::keys::{Action, Key, Meaning};
use super::packets::Packets;
use super::prompt::{Prompt, PromptKind, Typed};
use super::screen::Canvas;
use super::swarms::Swarms;
use super::theme::Theme;
use super::view::{Common, Fitting, Outcome, Shown, View};
use crate::capture::live::LiveWatch;
use crate::index::{Reader, Store};
use crate::output::TimeStyle;

/// How long work may keep a key waiting.
const SLICE: Duration = Duration::from_millis(6);

/// How long a single digit waits to become a number before it chooses a view.
pub(super) const DIGIT_PATIENCE: Duration = Duration::from_millis(350);

/// Lines that the wheel moves.
const WHEEL: usize = 3;

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
    /// Shows a live capture: what arrives is followed, what is counted in sight.
    pub(super) fn watch(&mut self, live: LiveWatch) {
        self.live = Some(live);
        self.common.follows = true;
    }

    /// Over a store.
    pub(super) fn new(store: Store, settings: Settings, times: TimeStyle) -> Self {
        let reader = Reader::new(&store);
        Self {
            common: Common {
                store,
                reader,
                settings,
                shown: Shown::All,
                times,
                marked: std::collections::BTreeSet::new(),
                row: 0,
                follows: false,
            },
            live: None,
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

    /// Takes a key.
    pub(super) fn key(&mut self, event: KeyEvent) {
        if let Some(prompt) = &mut self.prompt {
            let kind = prompt.kind;
            match prompt.key(event) {
                Typed::More => {}
                Typed::Abandoned => self.prompt = None,
                Typed::Entered(text) => {
                    self.prompt = None;
                    self.entered(kind, &text);
                }
            }
            return;
        }
        self.message = None;
        let key = Key::of(event);
        let is_number =
            self.typed.is_empty() && (!self.digits.is_empty() || key.digit() != Some(0));
        if let Some(digit) = key.digit().filter(|_| is_number && self.help.is_none()) {
            self.digits.push(digit);
            self.digits.truncate(9);
            return;
        }
        self.typed.push(key);
        match self.common.settings.keys.meaning(&self.typed) {
            Meaning::Prefix => {}
            Meaning::Nothing => {
                self.typed.clear();
                self.digits.clear();
                self.help = None;
            }
            Meaning::Action(action) => {
                self.typed.clear();
                if !action.takes_number() {
                    self.patience_ends();
                }
                let number = self.digits.drain(..).fold(0, |sum, digit| sum * 10 + digit);
                self.act(action, (number > 0).then_some(number));
            }
        }
    }

    /// A single digit that nothing followed chooses a view.
    pub(super) fn patience_ends(&mut self) {
        if let [digit] = *self.digits {
            self.digits.clear();
            let key = KeyEvent::from(ratatui::crossterm::event::KeyCode::Char(
                char::from_digit(digit as u32, 10).unwrap_or('0'),
            ));
            if let Meaning::Action(action) = self.common.settings.keys.meaning(&[Key::of(key)]) {
                self.act(action, None);
            }
        }
    }

    /// Whether a digit waits.
    pub(super) fn is_patient(&self) -> bool {
        self.digits.len() == 1
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
                    Shown::All => "",
                    Shown::Fitting(fitting) => &fitting.text,
                };
                self.prompt = Some(Prompt::new(PromptKind::Filter, text, self.filters.clone()));
            }
            Action::Command => {
                let prompt = Prompt::new(PromptKind::Command, "", self.commands.clone());
                self.prompt = Some(prompt);
            }
            Action::TimeFormat => self.common.times = self.common.times.next(),
            Action::Follow => {
                self.common.follows = !self.common.follows;
                let text = if self.common.follows {
                    "following what arrives"
                } else {
                    "no longer following"
                };
                self.say(text);
            }
            Action::Mark => self.mark(),
            Action::NextHit => self.hit(true, count.unwrap_or(1)),
            Action::PreviousHit => self.hit(false, count.unwrap_or(1)),
            Action::Back => {
                if let Shown::Fitting(_) = self.common.shown {
                    let row = self.common.row;
                    self.common.shown = Shown::All;
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
                self.flow.set_scope(scope, &mut self.common);
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
        let line = self.common.shown.line(row);
        if self.common.shown.row(line) != Some(row) {
            self.common.shown = Shown::All;
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

    fn mark(&mut self) {
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
    fn hit(&mut self, forward: bool, count: usize) {
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

    fn entered(&mut self, kind: PromptKind, text: &str) {
        let history = match kind {
            PromptKind::Filter => &mut self.filters,
            PromptKind::Command => &mut self.commands,
        };
        if !text.is_empty() && history.last().is_none_or(|last| last != text) {
            history.push(text.to_owned());
        }
        match kind {
            PromptKind::Filter => self.filter(text),
            PromptKind::Command => match Command::parse(text) {
                Ok(command) => self.run(command),
                Err(_) if text.is_empty() => {}
                Err(error) => self.complain(&error),
            },
        }
    }

    pub(super) fn filter(&mut self, text: &str) {
        let row = self.common.row;
        if text.is_empty() {
            self.common.shown = Shown::All;
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

    fn run(&mut self, command: Command) {
        match command {
            Command::Goto(frame) => match self.row_of(frame) {
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

    /// The first row of a frame, or of one after it.
    fn row_of(&mut self, frame: u64) -> Option<usize> {
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

    /// Takes the mouse.
    pub(super) fn mouse(&mut self, event: MouseEvent) {
        if self.prompt.is_some() {
            return;
        }
        match event.kind {
            MouseEventKind::ScrollDown => self.act(Action::Down, Some(WHEEL)),
            MouseEventKind::ScrollUp => self.act(Action::Up, Some(WHEEL)),
            MouseEventKind::Down(MouseButton::Left) => {
                self.message = None;
                let (top, bottom) = frame_lines(self.area.height);
                if top == 2 && event.row == 1 {
                    let mut x = 1;
                    for (number, (place, name, _)) in PLACES.iter().enumerate() {
                        let width = tab(number, name).len() as u16;
                        if (x..x + width).contains(&event.column) {
                            self.go(*place);
                            return;
                        }
                        x += width;
                    }
                } else if event.row >= top && event.row < self.area.height.saturating_sub(bottom) {
                    let (x, y) = (event.column, event.row - top);
                    let outcome = {
                        let (view, common) = self.view();
                        view.click(x, y, common)
                    };
                    self.follow_up(outcome);
                }
            }
            _ => {}
        }
    }

    /// Works on for a moment; returns whether there is more to be done.
    pub(super) fn work(&mut self) -> bool {
        self.common.shown.advance(&self.common.store, SLICE);
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

    /// Draws everything.
    pub(super) fn draw(&mut self, buffer: &mut Buffer) {
        let area = *buffer.area();
        self.area = area;
        let marks = self.common.settings.marks;
        let (top, bottom) = frame_lines(area.height);
        if top >= 1 {
            self.draw_title(&mut Canvas::new(buffer, Rect { height: 1, ..area }, marks));
        }
        if top >= 2 {
            let tabs = Rect {
                y: area.y + 1,
                height: 1,
                ..area
            };
            self.draw_tabs(&mut Canvas::new(buffer, tabs, marks));
        }
        let middle = Rect {
            y: area.y + top,
            height: area.height.saturating_sub(top + bottom),
            ..area
        };
        let (view, common) = self.view();
        view.draw(&mut Canvas::new(buffer, middle, marks), common);
        if bottom > 0 {
            let line = Rect {
                y: area.y + area.height - 1,
                height: 1,
                ..area
            };
            self.draw_status(&mut Canvas::new(buffer, line, marks));
        }
        if let Some(mut help) = self.help.take() {
            let (view, _) = self.view();
            let entries = view.help();
            let name = PLACES.iter().find(|(place, ..)| *place == self.place);
            let name = name.map_or("", |(_, name, _)| name);
            help.draw(
                &mut Canvas::new(buffer, middle, marks),
                name,
                entries,
                &self.common.settings.keys,
                &self.common.settings.theme,
            );
            self.help = Some(help);
        }
        if let Some(prompt) = &self.prompt {
            let theme = &self.common.settings.theme;
            prompt.draw(&mut Canvas::new(buffer, area, marks), theme);
        }
    }

    fn draw_title(&self, canvas: &mut Canvas<'_>) {
        let theme = &self.common.settings.theme;
        canvas.fill(0, theme.title);
        let status = self.common.store.status();
        let mut tally = ppspp_dissector::session::Tally::default();
        let (swarms, channels, findings);
        {
            let analyzer = self.common.store.analyzer();
            swarms = analyzer.swarms().count();
            channels = analyzer.channels().count();
            findings = analyzer
                .finding_counts()
                .map(|(_, count)| count)
                .sum::<u64>();
            for swarm in analyzer.swarms() {
                if let Some(found) = &swarm.verification {
                    let messages = found.messages();
                    tally.verified += messages.verified;
                    tally.failed += messages.failed;
                    tally.unverified += messages.unverified;
                    tally.unprotected += messages.unprotected;
                }
            }
        }
        let mut verdicts = format!(
            "✓{} ✗{} ?{}",
            tally.verified, tally.failed, tally.unverified
        );
        if tally.unprotected > 0 {
            verdicts = format!("{verdicts} ·{}", tally.unprotected);
        }
        verdicts = format!("{verdicts}  ! {findings}");
        let span = self.common.store.span();
        let span = span.map_or(0, |(first, last)| last.since(first));
        let datagrams = self.common.store.len();
        let facts = match &self.live {
            // What is lost must not be lost from sight.
            Some(live) => {
                let counted = live.counters();
                format!(
                    "  {datagrams} of {} packets  {} dropped  {swarms} swarms",
                    counted.captured,
                    counted.dropped + counted.interface_dropped
                )
            }
            None => format!(
                "  {datagrams} datagrams  {swarms} swarms  {channels} channels  {:.2} s",
                span as f64 / 1e9
            ),
        };
        let width = usize::from(canvas.width());
        let right = verdicts.chars().count() + 1;
        let room = width.saturating_sub(right + facts.len() + 2);
        let name: String = if status.name.chars().count() > room.max(8) {
            let head: String = status.name.chars().take(room.max(8) - 1).collect();
            format!("{head}…")
        } else {
            status.name
        };
        let end = canvas.put(1, 0, &name, theme.title);
        canvas.put(end, 0, &facts, theme.title);
        if width > 20 {
            let text = format!("  {verdicts} ");
            canvas.put_right(canvas.width(), 0, &text, theme.title);
        }
    }

    fn draw_tabs(&self, canvas: &mut Canvas<'_>) {
        let theme = &self.common.settings.theme;
        canvas.fill(0, theme.tab);
        let mut x = 1;
        for (number, (place, name, _)) in PLACES.iter().enumerate() {
            let style = if *place == self.place {
                theme.selected
            } else {
                theme.tab
            };
            x = canvas.put(x, 0, &tab(number, name), style);
        }
        if usize::from(canvas.width()) > usize::from(x) + 8 {
            canvas.put_right(canvas.width() - 1, 0, "? help", theme.tab);
        }
    }

    fn draw_status(&self, canvas: &mut Canvas<'_>) {
        let theme = &self.common.settings.theme;
        let mut right = Vec::new();
        if !self.digits.is_empty() {
            right.push(self.digits.iter().map(ToString::to_string).collect());
        }
        if let Shown::Fitting(fitting) = &self.common.shown {
            let length = self.common.store.len();
            let count = fitting.rows.len();
            right.push(if fitting.scanned < length {
                format!("{count} of {} …", fitting.scanned)
            } else {
                format!("{count} of {length} shown")
            });
        }
        if !self.common.marked.is_empty() {
            right.push(format!("{} marked", self.common.marked.len()));
        }
        if let Some(job) = &self.job {
            right.push(job.progress());
        }
        let status = self.common.store.status();
        if !status.done {
            right.push(match status.total {
                Some(total) if total > 0 => format!("reading {} %", status.read * 100 / total),
                _ => format!("reading, {}", bytes(status.read)),
            });
        } else if let Some(fault) = status.faults.first() {
            right.push(format!("! {fault}"));
        }
        if self.common.follows {
            right.push("following".to_owned());
        }
        let right = right.join("  ");
        let (left, style) = match (&self.message, &self.common.shown) {
            (Some((text, true)), _) => (text.clone(), theme.bad),
            (Some((text, false)), _) => (text.clone(), theme.heading),
            (None, Shown::Fitting(fitting)) => (format!("/{}", fitting.text), theme.good),
            (None, Shown::All) => {
                let keys = &self.common.settings.keys;
                let key = |action| keys.keys(action).first().cloned().unwrap_or_default();
                let hint = format!(
                    "{} filter  {} commands  {} help  {} quit",
                    key(Action::Filter),
                    key(Action::Command),
                    key(Action::Help),
                    key(Action::Quit)
                );
                (hint, theme.faint)
            }
        };
        canvas.put(0, 0, &left, style);
        let room = usize::from(canvas.width()).saturating_sub(2);
        let right: String = right.chars().take(room).collect();
        canvas.put_right(canvas.width(), 0, &format!(" {right}"), theme.text);
    }
}

/// How many lines the frame takes at the top and at the bottom.
const fn frame_lines(height: u16) -> (u16, u16) {
    match height {
        0..3 => (0, 0),
        3..6 => (0, 1),
        6..10 => (1, 1),
        _ => (2, 1),
    }
}

fn tab(number: usize, name: &str) -> String {
    format!(" {} {name} ", number + 1)
}
