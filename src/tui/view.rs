//! What every view is: it draws itself, owns its keys, and tells its help.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use ppspp_dissector::fields::{HeadValues, Level, RecordValues};
use ppspp_dissector::filter::Filter;
use ppspp_dissector::session::{Analyzer, ChannelIndex, SwarmIndex};

use super::config::Settings;
use super::keys::Action;
use super::screen::Canvas;
use crate::index::{Reader, Store};
use crate::output::TimeStyle;

/// Which datagrams lists show.
pub(super) enum Shown {
    /// All that are kept, the first of which is this row.
    All(usize),
    /// Those that fit a filter, as far as they were looked at.
    Fitting(Box<Fitting>),
}

/// The datagrams that fit a filter.
pub(super) struct Fitting {
    /// The filter as it was typed.
    pub(super) text: String,
    filter: Filter,
    pub(super) rows: VecDeque<usize>,
    /// How many of them were let go.
    gone: usize,
    /// The first row that was not looked at.
    pub(super) scanned: usize,
    reader: Reader,
}

impl Fitting {
    /// Of a store, with nothing looked at yet.
    pub(super) fn new(text: &str, filter: Filter, store: &Store) -> Self {
        Self {
            text: text.to_owned(),
            filter,
            rows: VecDeque::new(),
            gone: 0,
            scanned: store.first(),
            reader: Reader::sequential(store),
        }
    }
}

impl Shown {
    /// All of a store.
    pub(super) fn all(store: &Store) -> Self {
        Self::All(store.first())
    }

    /// How many lines there were before the first one, all that were let go.
    pub(super) const fn gone(&self) -> usize {
        match self {
            Self::All(first) => *first,
            Self::Fitting(fitting) => fitting.gone,
        }
    }

    /// Lets go of what the store has let go of.
    fn let_go(&mut self, store: &Store) {
        let first = store.first();
        match self {
            Self::All(shown) => *shown = first,
            Self::Fitting(fitting) => {
                while fitting.rows.front().is_some_and(|row| *row < first) {
                    fitting.rows.pop_front();
                    fitting.gone += 1;
                }
                fitting.scanned = fitting.scanned.max(first);
            }
        }
    }

    /// Number of datagrams.
    pub(super) fn len(&self, store: &Store) -> usize {
        match self {
            Self::All(first) => store.len().saturating_sub(*first),
            Self::Fitting(fitting) => fitting.rows.len(),
        }
    }

    /// The row of a line.
    pub(super) fn row(&self, line: usize) -> Option<usize> {
        match self {
            Self::All(first) => Some(first + line),
            Self::Fitting(fitting) => fitting.rows.get(line).copied(),
        }
    }

    /// The line of a row, or of the next one that is shown.
    pub(super) fn line(&self, row: usize) -> usize {
        match self {
            Self::All(first) => row.saturating_sub(*first),
            Self::Fitting(fitting) => fitting.rows.partition_point(|shown| *shown < row),
        }
    }

    /// Whether there are rows that were not looked at.
    pub(super) fn is_behind(&self, store: &Store) -> bool {
        matches!(self, Self::Fitting(fitting) if fitting.scanned < store.len())
    }

    /// Looks at some more rows, for about as long as is told.
    pub(super) fn advance(&mut self, store: &Store, most: Duration) {
        self.let_go(store);
        let Self::Fitting(fitting) = self else {
            return;
        };
        let Fitting {
            filter,
            rows,
            scanned,
            reader,
            ..
        } = &mut **fitting;
        let begin = std::time::Instant::now();
        let length = store.len();
        while *scanned < length && begin.elapsed() < most {
            let analyzer = store.analyzer();
            for row in *scanned..(*scanned + 256).min(length) {
                let fits = if filter.level() == Level::Head {
                    reader.head(row, |item| {
                        filter.matches(&HeadValues::new(&item.datagram, item.frame))
                    })
                } else {
                    reader.row(&analyzer, row, |item, record| {
                        filter.matches(&RecordValues::new(&item.datagram, record, item.frame))
                    })
                };
                if fits == Some(true) {
                    rows.push_back(row);
                }
            }
            *scanned = (*scanned + 256).min(length);
        }
    }
}

/// Which channels a view is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Scope {
    /// All.
    #[default]
    All,
    /// Those of one swarm.
    Swarm(SwarmIndex),
    /// One.
    Channel(ChannelIndex),
}

/// What views have in common.
pub(super) struct Common {
    pub(super) store: Store,
    pub(super) reader: Reader,
    pub(super) settings: Settings,
    pub(super) shown: Shown,
    pub(super) times: TimeStyle,
    pub(super) marked: BTreeSet<usize>,
    /// The datagram that the user looks at.
    pub(super) row: usize,
    pub(super) follows: bool,
}

impl Common {
    /// Why there is nothing to be seen, and what could be done.
    pub(super) fn why_empty(&self) -> Vec<String> {
        if self.store.meanwhile().is_some() && self.store.is_empty() && self.store.let_go() > 0 {
            return vec![
                "What stood still here was let go: newer datagrams took its room.".to_owned(),
                ":pause goes on.".to_owned(),
            ];
        }
        let status = self.store.status();
        if !status.done {
            return vec!["Reading …".to_owned()];
        }
        if !self.store.is_empty() {
            return match self.shown {
                Shown::All(_) => Vec::new(),
                Shown::Fitting(_) => {
                    vec!["No datagram fits the filter; Esc takes it away.".to_owned()]
                }
            };
        }
        let others = self.store.analyzer().totals().not_ppspp;
        match (status.frames, others) {
            (0, _) => vec!["The capture is empty: it has no frame.".to_owned()],
            (frames, 0) => vec![
                format!("No PPSPP datagram among {frames} frames, and none that could be one:"),
                "none carries UDP that can be read. `ppsp-inspect stats` tells what they are."
                    .to_owned(),
            ],
            (frames, others) => vec![
                format!("No PPSPP datagram among {frames} frames; {others} carry something else"),
                "over UDP. --port PORT takes all of a port for PPSPP, also where no".to_owned(),
                "HANDSHAKE was captured. `ppsp-inspect stats` tells what else there is.".to_owned(),
            ],
        }
    }

    /// The first row of a frame, or of one after it.
    pub(super) fn row_of(&mut self, frame: u64) -> Option<usize> {
        let (mut low, mut high) = (self.store.first(), self.store.len());
        let length = high;
        while low < high {
            let middle = low + (high - low) / 2;
            let found = self.reader.head(middle, |item| item.datagram.frame)?;
            if found < frame {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        (low < length).then_some(low)
    }

    /// Forgets marks of datagrams that were let go, and moves on from such a one.
    pub(super) fn let_go(&mut self) {
        let first = self.store.first();
        if self.marked.first().is_some_and(|row| *row < first) {
            self.marked = self.marked.split_off(&first);
        }
        self.row = self.row.max(first);
    }
}

/// What becomes of a key.
#[derive(Debug, PartialEq)]
pub(super) enum Outcome {
    /// It means nothing here.
    Ignored,
    /// It was done.
    Done,
    /// Something is to be told.
    Say(String),
    /// A datagram is to be shown in the list of packets.
    Show(usize),
    /// Datagrams are to be seen in the flow.
    Flow(Scope),
    /// A text is to be copied.
    Copy(String),
    /// A filter is to be set.
    Filter(String),
}

/// One of the views.
pub(super) trait View {
    /// Draws it.
    fn draw(&mut self, canvas: &mut Canvas<'_>, common: &mut Common);

    /// Does what a key asks for.
    fn act(&mut self, action: Action, count: Option<usize>, common: &mut Common) -> Outcome;

    /// Takes a click on a place of the canvas.
    fn click(&mut self, _x: u16, _y: u16, _common: &mut Common) -> Outcome {
        Outcome::Ignored
    }

    /// What its keys do, for help.
    fn help(&self) -> &'static [(Action, &'static str)];

    /// Works on for a moment; returns whether there is more to be done.
    fn work(&mut self, _common: &mut Common) -> bool {
        false
    }
}

/// Whether a datagram belongs to a scope.
pub(super) fn in_scope(
    analyzer: &Analyzer,
    scope: Scope,
) -> impl Fn(crate::index::Row) -> bool + '_ {
    move |row| match scope {
        Scope::All => true,
        Scope::Channel(index) => row
            .channel()
            .is_some_and(|(channel, _)| analyzer.lasting_channel(channel) == index),
        Scope::Swarm(index) => row
            .channel()
            .and_then(|(channel, _)| analyzer.channel(analyzer.lasting_channel(channel)))
            .is_some_and(|channel| channel.swarm == index),
    }
}
