//! From the file to the scenario: whether its parts fit each other.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use toml::Spanned;

use super::error::ScenarioError;
use super::file::{File, Group, Output};
use super::{Bottleneck, Going, HostSettings, OutputSettings, Role, Scenario, content};
use crate::peer::sim::chance::{Purpose, Seed, up_to};
use crate::peer::sim::clock::nanoseconds;
use crate::peer::sim::link::LinkSettings;

/// Hosts of a scenario beyond this many are refused: a mistyped count should
/// not take all memory.
const MOST_HOSTS: usize = 10_000;
const PORT: u16 = 20_000;

type Checked<T> = Result<T, ScenarioError>;

/// Puts a scenario together; `source` is the file's text.
pub(super) fn scenario(source: &str, file: File) -> Checked<Scenario> {
    let checker = Checker { source };
    let duration = file.duration.get_ref().0;
    if duration.is_zero() {
        return checker.wrong(
            file.duration.span(),
            "duration",
            "it must be more than nothing",
        );
    }
    let mut names = BTreeMap::new();
    let mut bottlenecks = Vec::new();
    for bottleneck in file.bottlenecks {
        let name = bottleneck.name.get_ref();
        checker.name(&bottleneck.name, "bottlenecks.name")?;
        if names.insert(name.clone(), bottlenecks.len()).is_some() {
            let problem = format!("there are two bottlenecks {name:?}");
            return checker.wrong(bottleneck.name.span(), "bottlenecks.name", problem);
        }
        bottlenecks.push(Bottleneck {
            name: name.clone(),
            link: bottleneck.link.over(&LinkSettings::default()),
        });
    }
    let seed = Seed(file.seed);
    let uplink = file.defaults.uplink.over(&LinkSettings::default());
    let downlink = file.defaults.downlink.over(&LinkSettings::default());
    let place = file.nodes.span();
    let groups = file.nodes.into_inner();
    let mut hosts: Vec<HostSettings> = Vec::new();
    for (number, group) in groups.iter().enumerate() {
        checker.name(&group.name, "nodes.name")?;
        let name = group.name.get_ref();
        if groups
            .iter()
            .take(number)
            .any(|other| other.name.get_ref() == name)
        {
            let problem = format!("there are two groups {name:?}");
            return checker.wrong(group.name.span(), "nodes.name", problem);
        }
        let count = checker.count(group)?;
        if hosts.len() + count > MOST_HOSTS || number > 255 {
            let problem = format!("more than {MOST_HOSTS} nodes or 256 groups are too many");
            return checker.wrong(group.name.span(), "nodes", problem);
        }
        let template = HostSettings {
            name: group.name.get_ref().clone(),
            group: group.name.get_ref().clone(),
            address: SocketAddr::from(([0; 4], PORT)),
            role: *group.role.get_ref(),
            to: None,
            start: group.start.0,
            going: checker.going(group)?,
            misbehaviour: group.misbehaviour,
            policies: group.policies,
            uplink: group.uplink.over(&uplink),
            downlink: group.downlink.over(&downlink),
            uplink_via: checker.links(&names, &group.uplink_via, "nodes.uplink_via")?,
            downlink_via: checker.links(&names, &group.downlink_via, "nodes.downlink_via")?,
        };
        let mut generator = seed.generator(Purpose::Start(number as u32));
        for index in 0..count {
            let mut host = template.clone();
            if group.count.is_some() {
                host.name = format!("{}-{}", host.group, index + 1);
            }
            let [high, low] = (index as u16 + 1).to_be_bytes();
            host.address = SocketAddr::from(([10, number as u8, high, low], PORT));
            let spread = up_to(nanoseconds(group.spread.0), &mut generator);
            host.start += Duration::from_nanos(spread);
            if hosts.iter().any(|other| other.name == host.name) {
                let problem = format!("there are two nodes {:?}", host.name);
                return checker.wrong(group.name.span(), "nodes.name", problem);
            }
            hosts.push(host);
        }
    }
    if hosts.is_empty() {
        return checker.wrong(place, "nodes", "there are none");
    }
    checker.flows(&groups, &mut hosts)?;
    let content = file
        .content
        .map(|content| content::settings(source, &content));
    let content = content.transpose()?;
    checker.roles(&groups, content.map(|content| content.kind))?;
    let output = file.output.map(|output| checker.output(output, &hosts));
    Ok(Scenario {
        seed,
        duration,
        bottlenecks,
        content,
        output: output.transpose()?,
        hosts,
    })
}

struct Checker<'a> {
    source: &'a str,
}

impl Checker<'_> {
    fn wrong<T>(&self, place: Range<usize>, field: &str, problem: impl Into<String>) -> Checked<T> {
        Err(ScenarioError::new(self.source, Some(place), field, problem))
    }

    fn name(&self, name: &Spanned<String>, field: &str) -> Checked<()> {
        if name.get_ref().trim().is_empty() {
            return self.wrong(name.span(), field, "a name has one character at least");
        }
        Ok(())
    }

    fn count(&self, group: &Group) -> Checked<usize> {
        match &group.count {
            Some(count) if *count.get_ref() == 0 => {
                self.wrong(count.span(), "nodes.count", "it must be 1 at least")
            }
            Some(count) => Ok(*count.get_ref() as usize),
            None => Ok(1),
        }
    }

    fn going(&self, group: &Group) -> Checked<Option<Going>> {
        let (field, time, going) = match (&group.crash, &group.leave) {
            (None, None) => return Ok(None),
            (Some(crash), Some(_)) => {
                let problem = "a node crashes or leaves, not both";
                return self.wrong(crash.span(), "nodes.crash", problem);
            }
            (Some(time), None) => ("nodes.crash", time, Going::Crash(time.get_ref().0)),
            (None, Some(time)) => ("nodes.leave", time, Going::Leave(time.get_ref().0)),
        };
        if time.get_ref().0 < group.start.0 + group.spread.0 {
            let problem = "it comes before the node has started for certain";
            return self.wrong(time.span(), field, problem);
        }
        Ok(Some(going))
    }

    fn links(
        &self,
        names: &BTreeMap<String, usize>,
        wanted: &[Spanned<String>],
        field: &str,
    ) -> Checked<Vec<usize>> {
        let mut links = Vec::new();
        for name in wanted {
            let Some(&link) = names.get(name.get_ref()) else {
                let problem = format!("there is no bottleneck {:?}", name.get_ref());
                return self.wrong(name.span(), field, problem);
            };
            if links.contains(&link) {
                let problem = format!("{:?} is named twice", name.get_ref());
                return self.wrong(name.span(), field, problem);
            }
            links.push(link);
        }
        Ok(links)
    }

    /// Finds out where Reno flows go: the first of a group to the first of the
    /// other, and so on, round and round.
    fn flows(&self, groups: &[Group], hosts: &mut [HostSettings]) -> Checked<()> {
        for group in groups {
            let role = *group.role.get_ref();
            let to = match (&group.to, role) {
                (Some(to), Role::Reno) => to,
                (None, Role::Reno) => {
                    let problem = "a flow needs `to`, the name of a group of sinks";
                    return self.wrong(group.role.span(), "nodes.to", problem);
                }
                (Some(to), _) => {
                    let problem = "only nodes whose role is \"reno\" have it";
                    return self.wrong(to.span(), "nodes.to", problem);
                }
                (None, _) => continue,
            };
            let sinks: Vec<usize> = (0..hosts.len())
                .filter(|&index| {
                    hosts
                        .get(index)
                        .is_some_and(|host| host.group == *to.get_ref() && host.role == Role::Sink)
                })
                .collect();
            if sinks.is_empty() {
                let problem = format!("there is no group {:?} of sinks", to.get_ref());
                return self.wrong(to.span(), "nodes.to", problem);
            }
            let senders = hosts
                .iter_mut()
                .filter(|host| host.group == *group.name.get_ref());
            for (sender, sink) in senders.zip(sinks.iter().cycle()) {
                sender.to = Some(*sink);
            }
        }
        Ok(())
    }

    /// Whether the roles go with the content.
    fn roles(&self, groups: &[Group], content: Option<content::ContentKind>) -> Checked<()> {
        for group in groups {
            let role = *group.role.get_ref();
            let problem = match (role, content) {
                (Role::Reno | Role::Sink, _)
                | (Role::Seeder | Role::Leecher, Some(content::ContentKind::Static { .. }))
                | (Role::Injector | Role::Viewer, Some(content::ContentKind::Live(_))) => {
                    continue;
                }
                (_, None) => format!("a {role} needs content, and there is none"),
                (Role::Seeder | Role::Leecher, _) => format!("a {role} is for static content"),
                (Role::Injector | Role::Viewer, _) => format!("a {role} is for live content"),
            };
            return self.wrong(group.role.span(), "nodes.role", problem);
        }
        Ok(())
    }

    fn output(&self, output: Output, hosts: &[HostSettings]) -> Checked<OutputSettings> {
        let Some(pcapng) = output.pcapng.filter(|path| !path.is_empty()) else {
            let problem = "output needs the name of a file";
            return Err(ScenarioError::new(
                self.source,
                None,
                "output.pcapng",
                problem,
            ));
        };
        let mut at = Vec::new();
        for name in output.at {
            let wanted = name.get_ref();
            let found = hosts
                .iter()
                .enumerate()
                .filter(|(_, host)| host.name == *wanted || host.group == *wanted);
            let before = at.len();
            at.extend(found.map(|(index, _)| index));
            if at.len() == before {
                let problem = format!("there is no node or group {wanted:?}");
                return self.wrong(name.span(), "output.at", problem);
            }
        }
        at.sort_unstable();
        at.dedup();
        Ok(OutputSettings {
            pcapng: pcapng.into(),
            at,
        })
    }
}
