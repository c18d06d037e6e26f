//! The command `simulate`: which room does what. No logic of its own.

use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};

use super::simulate_args::SimulateArgs;
use super::{BAD, UNREADABLE, complain, stdout};
use crate::output::{SimulationSummary, write_simulation, write_simulation_json};
use crate::peer::sim::{Ending, Recording, Scenario, ScenarioError, Seed, Simulation, Vantage};

/// Runs a scenario.
pub(super) fn run(args: &SimulateArgs) -> Result<ExitCode> {
    let name = args.scenario.display();
    let text = fs::read_to_string(&args.scenario).with_context(|| format!("{name}"))?;
    let scenario = Scenario::parse_seeded(&text, args.seed.map(Seed));
    let mut simulation = match scenario.and_then(Simulation::new) {
        Ok(simulation) => simulation,
        Err(error) => {
            complain(format_args!("{}", told(&args.scenario, &error)));
            return Ok(ExitCode::from(UNREADABLE));
        }
    };
    let ending = match capture(args, simulation.scenario()) {
        None => simulation.run(&mut ()),
        Some((path, vantage)) => {
            let comments = [format!(
                "simulated by ppsp-inspect: {name}, seed {}",
                simulation.scenario().seed.0
            )];
            let comments = comments.each_ref().map(String::as_str);
            let written = || format!("{}", path.display());
            let file = File::create(&path).with_context(written)?;
            let mut recording =
                Recording::new(BufWriter::new(file), &vantage, &comments).with_context(written)?;
            let ending = simulation.run(&mut recording);
            let mut file = recording.finish().with_context(written)?;
            file.flush().with_context(written)?;
            ending
        }
    };
    let unfinished: Vec<&str> = simulation.unfinished().collect();
    let summary = SimulationSummary {
        seed: simulation.scenario().seed.0,
        unfinished: &unfinished,
        summary: &simulation.summary(),
    };
    let mut out = stdout();
    if args.json {
        write_simulation_json(&mut out, &summary)?;
    } else {
        write_simulation(&mut out, &summary)?;
    }
    out.flush()?;
    if let Ending::Stalled(node) = ending {
        let host = simulation.scenario().hosts.get(node.index());
        let host = host.map_or("", |host| host.name.as_str());
        complain(format_args!("{host} stopped the time"));
    }
    if !unfinished.is_empty() || matches!(ending, Ending::Stalled(_)) {
        return Ok(ExitCode::from(BAD));
    }
    Ok(ExitCode::SUCCESS)
}

/// Which capture is to be written, and taken where.
fn capture(args: &SimulateArgs, scenario: &Scenario) -> Option<(PathBuf, Vantage)> {
    let settings = scenario.output.as_ref();
    let path = args
        .write
        .clone()
        .or_else(|| settings.map(|output| output.pcapng.clone()))?;
    Some((path, scenario.vantage().unwrap_or(Vantage::Everywhere)))
}

/// What is wrong with a scenario, with its file and line.
fn told(file: &Path, error: &ScenarioError) -> String {
    let place = match error.line {
        Some(line) => format!("{}:{line}", file.display()),
        None => file.display().to_string(),
    };
    let error = ScenarioError {
        line: None,
        ..error.clone()
    };
    format!("{place}: {error}")
}
