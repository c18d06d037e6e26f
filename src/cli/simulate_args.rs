//! The command line of `simulate`: what there is to say, and the help that
//! explains it.

use std::path::PathBuf;

use clap::Args;

pub(super) const SIMULATE_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect simulate scenarios/swarm.toml   who finished when, links, queues
  ppsp-inspect simulate scenarios/swarm.toml --seed 8 -w swarm.pcapng
  ppsp-inspect simulate scenarios/lossy.toml --json | jq '.nodes[].finish'

A scenario is a TOML file: links, content, and nodes that seed, leech, do wrong
or compete. Time is virtual: a run takes as long as it takes to compute, and the
same scenario and seed make the same datagrams, byte for byte. It ends when all
leechers that do nothing wrong and do not go have everything, or when its duration
is over.

Exit status: 0 all of them finished, 1 not all, 2 wrong usage, 3 the scenario or
the capture could not be read or written.";

/// What `simulate` takes.
#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// The scenario, a TOML file
    #[arg(value_name = "SCENARIO")]
    pub(super) scenario: PathBuf,

    /// What all randomness comes from, instead of the scenario's
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,

    /// Write what is sent to this pcapng file, instead of the scenario's
    #[arg(short = 'w', long = "write", value_name = "FILE")]
    pub(super) write: Option<PathBuf>,

    /// One JSON object, for programs
    #[arg(long)]
    pub(super) json: bool,
}
