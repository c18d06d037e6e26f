//! What a display filter leaves of a capture, counted.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;
use ppspp_dissector::fields::{Frame, RecordValues};
use ppspp_dissector::filter::Filter;
use ppspp_dissector::finding::{CATALOGUE, Entry, FindingId};
use ppspp_dissector::session::{
    Analyzer, Channel, ChannelIndex, Datagram, MessageCounts, Record, Swarm, SwarmIndex,
};

/// Counts the datagrams that fit a filter. Every datagram is analyzed all the
/// same: what is known of a channel or swarm may come from others.
#[derive(Debug)]
pub struct Selection {
    filter: Filter,
    datagrams: u64,
    malformed: u64,
    unrouted: MessageCounts,
    findings: [u64; FindingId::COUNT],
    channels: HashMap<ChannelIndex, ChannelSelection, FixedState>,
}

/// What is left of a channel.
#[derive(Clone, Copy, Debug, Default)]
pub struct ChannelSelection {
    /// Datagrams.
    pub datagrams: u64,
    /// Messages in them.
    pub messages: MessageCounts,
}

impl ChannelSelection {
    /// Everything.
    pub const fn all_of(channel: &Channel) -> Self {
        Self {
            datagrams: channel.datagrams,
            messages: channel.messages,
        }
    }
}

impl Selection {
    /// Of nothing yet.
    pub fn new(filter: Filter) -> Self {
        Self {
            filter,
            datagrams: 0,
            malformed: 0,
            unrouted: MessageCounts::default(),
            findings: [0; FindingId::COUNT],
            channels: HashMap::default(),
        }
    }

    /// Counts a datagram if it fits; says whether it does.
    pub fn offer(
        &mut self,
        datagram: &Datagram<'_>,
        record: &Record<'_, '_>,
        frame: Frame<'_>,
    ) -> bool {
        if !self
            .filter
            .matches(&RecordValues::new(datagram, record, frame))
        {
            return false;
        }
        self.datagrams += 1;
        self.malformed += u64::from(record.fault.is_some());
        for finding in record.findings {
            self.findings[finding.id as usize] += 1;
        }
        let messages = match record.channel_index {
            Some(index) => {
                let channel = self.channels.entry(index).or_default();
                channel.datagrams += 1;
                &mut channel.messages
            }
            None => &mut self.unrouted,
        };
        messages.count(record);
        true
    }

    /// The filter.
    pub const fn filter(&self) -> &Filter {
        &self.filter
    }

    /// How many datagrams fit.
    pub const fn datagrams(&self) -> u64 {
        self.datagrams
    }

    /// How many of them could not be decoded to their end.
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Their messages.
    pub fn messages(&self) -> MessageCounts {
        let mut all = self.unrouted;
        for channel in self.channels.values() {
            all.merge(&channel.messages);
        }
        all
    }

    /// Every kind of finding about them, and how often.
    pub fn findings(&self) -> impl Iterator<Item = (&'static Entry, u64)> + '_ {
        let counted = CATALOGUE.iter().zip(self.findings);
        counted.filter(|(_, count)| *count > 0)
    }

    /// Their channels, in the order in which those appeared.
    pub fn channels<'a>(&self, analyzer: &'a Analyzer) -> Vec<(&'a Channel, ChannelSelection)> {
        let mut lasting: HashMap<ChannelIndex, ChannelSelection, FixedState> = HashMap::default();
        for (&index, counts) in &self.channels {
            let sum = lasting.entry(analyzer.lasting_channel(index)).or_default();
            sum.datagrams += counts.datagrams;
            sum.messages.merge(&counts.messages);
        }
        analyzer
            .numbered_channels()
            .filter_map(|(index, channel)| Some((channel, *lasting.get(&index)?)))
            .collect()
    }

    /// Their swarms, in the order in which those appeared.
    pub fn swarms<'a>(&self, analyzer: &'a Analyzer) -> Vec<&'a Swarm> {
        let channels = self.channels(analyzer).into_iter();
        let used: BTreeSet<SwarmIndex> = channels.map(|(channel, _)| channel.swarm).collect();
        used.into_iter()
            .map(|index| analyzer.swarm(index))
            .collect()
    }
}
