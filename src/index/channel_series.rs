//! Figures over time of one channel, made on demand.

use std::time::{Duration, Instant};

use ppspp_dissector::session::{ChannelIndex, Side};

use super::measure::{Budget, Conversation, measure};
use super::reader::Reader;
use super::series::Series;
use super::store::Store;

/// The series of one channel, as far as its datagrams were looked at.
#[derive(Debug)]
pub struct ChannelSeries {
    channel: ChannelIndex,
    conversation: Conversation,
    series: Series,
    budget: Budget,
    next: usize,
    reader: Reader,
}

impl ChannelSeries {
    /// Of a channel of a store, with nothing looked at yet.
    pub fn new(store: &Store, channel: ChannelIndex) -> Self {
        Self {
            channel,
            conversation: Conversation::default(),
            series: Series::default(),
            budget: Budget {
                cells: 0,
                ..Budget::default()
            },
            next: 0,
            reader: Reader::sequential(store),
        }
    }

    /// The channel.
    pub const fn channel(&self) -> ChannelIndex {
        self.channel
    }

    /// The series so far.
    pub const fn series(&self) -> &Series {
        &self.series
    }

    /// Looks at more datagrams for about as long as is told; returns whether there
    /// are more.
    pub fn advance(&mut self, store: &Store, most: Duration) -> bool {
        let begin = Instant::now();
        let length = store.len();
        self.next = self.next.max(store.first());
        let channel = self.channel;
        while self.next < length && begin.elapsed() < most {
            let until = (self.next + 1024).min(length);
            let mut rows = Vec::new();
            store.each_from(self.next, |number, row| {
                if number < until && row.channel().is_some_and(|(index, _)| index == channel) {
                    rows.push(number);
                }
                number + 1 < until
            });
            self.next = until;
            let analyzer = store.analyzer();
            let (conversation, series) = (&mut self.conversation, &mut self.series);
            let budget = &mut self.budget;
            for number in rows {
                self.reader.row(&analyzer, number, |item, record| {
                    let datagram = &item.datagram;
                    let sender = record.sender.unwrap_or(Side::Initiator);
                    let length = datagram.wire_length;
                    let (_, sample) = measure(
                        conversation,
                        number as u32,
                        datagram.time,
                        length,
                        sender,
                        record,
                        budget,
                    );
                    if let Some(time) = datagram.time {
                        series.add(number, time, &sample);
                    }
                });
            }
        }
        self.next < length
    }
}
