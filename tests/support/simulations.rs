//! Simulations of scenarios.

use ppsp_inspect::peer::sim::{Ending, NodeId, Scenario, Simulation, Tap};

/// Runs a scenario.
pub(crate) fn simulate<T: Tap>(
    text: &str,
    tap: impl FnOnce(&Scenario) -> T,
) -> (Simulation, T, Ending) {
    let scenario = Scenario::parse(text).expect("a scenario");
    let mut tap = tap(&scenario);
    let mut simulation = Simulation::new(scenario).expect("a simulation");
    let ending = simulation.run(&mut tap);
    (simulation, tap, ending)
}

/// The node of that name.
pub(crate) fn node(simulation: &Simulation, name: &str) -> NodeId {
    let hosts = &simulation.scenario().hosts;
    let index = hosts.iter().position(|host| host.name == name);
    let index = index.expect("a node of that name");
    let (id, ..) = simulation.network().nodes().nth(index).expect("a node");
    id
}
