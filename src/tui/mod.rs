//! The terminal UI: what a capture holds, to be looked through.
//!
//! `app` knows all state and turns what is typed into it; each view (`packets`,
//! `swarms`, `flow`, `channels`, `graphs`, `findings`) is a `View` that draws
//! itself, owns its keys and tells its help. Nothing of that knows a terminal:
//! screens are drawn into a buffer, which is what the tests look at. `terminal` is
//! the rest. All that is shown comes from [`crate::index`] and
//! [`crate::output`]; nothing here decides anything about the protocol.

mod app;
mod channels;
mod column;
mod command;
mod compare;
mod config;
mod findings;
mod flow;
mod graphs;
mod help;
mod hex;
mod job;
mod keys;
mod list;
mod packet_file;
mod packets;
mod prompt;
mod screen;
mod swarms;
mod terminal;
mod theme;
mod tree;
mod view;

use std::io;

use ppspp_dissector::filter::Filter;

use crate::capture::live::LiveWatch;
use crate::index::Store;
use crate::output::TimeStyle;

pub use config::{Environment, Settings, print_config};

/// Shows the user interface over a store until the user quits; with what counts,
/// where the store is over a live capture.
///
/// # Errors
/// Where the terminal can't be taken over.
pub fn run(
    store: Store,
    settings: Settings,
    times: TimeStyle,
    filter: Option<&Filter>,
    live: Option<LiveWatch>,
) -> io::Result<Vec<String>> {
    let mut app = app::App::new(store, settings, times);
    if let Some(live) = live {
        app.watch(live);
    }
    if let Some(filter) = filter {
        app.filter(&filter.to_string());
    }
    terminal::run(&mut app)?;
    Ok(app.common.store.status().faults)
}

#[cfg(test)]
mod colours;
#[cfg(test)]
mod endless;
#[cfg(test)]
mod figures;
#[cfg(test)]
mod latency;
#[cfg(test)]
mod picture;
#[cfg(test)]
mod screens;
#[cfg(test)]
mod stage;
