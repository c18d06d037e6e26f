//! Records had again: of a datagram that was analyzed before, without analyzing
//! it once more.

use super::analyzer::{Analyzer, Record};
use super::channel::{ChannelIndex, Side};
use super::input::Datagram;
use super::verdict::Verdict;
use crate::finding::Finding;
use crate::wire::{Layout, Located, Reader};

/// What has to be kept of a record, beside its datagram, to have it again.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// The channel and which side sent.
    pub channel: Option<(ChannelIndex, Side)>,
    /// How its messages were read.
    pub layout: Layout,
    /// Whether the capture cut it within its last message.
    pub cut: bool,
    /// Whether decoding stopped at a fault.
    pub faulty: bool,
    /// Offset of the first byte that was not decoded.
    pub decoded: usize,
    /// What was worth telling.
    pub findings: Vec<Finding>,
    /// One for each message, as far as there are verdicts.
    pub verdicts: Vec<Option<Verdict>>,
    /// What its receiver could verify, one for each message.
    pub receiver_verdicts: Vec<Option<Verdict>>,
}

impl Analyzer {
    /// The record of a datagram that this analyzer has analyzed, with its channel
    /// and swarm as they are now. `messages` is room to decode into.
    pub fn recall<'s, 'a>(
        &'s self,
        datagram: &Datagram<'a>,
        kept: &'s Kept,
        messages: &'s mut Vec<Located<'a>>,
    ) -> Record<'s, 'a> {
        messages.clear();
        let mut fault = None;
        let mut decoded = 0;
        let mut channel_id = None;
        match Reader::new(datagram.payload, datagram.wire_length) {
            Ok((id, mut reader)) => {
                channel_id = Some(id);
                while reader.position() < kept.decoded {
                    match reader.next(&kept.layout) {
                        Some(Ok(located)) => messages.push(located),
                        Some(Err(error)) => {
                            fault = Some(error);
                            break;
                        }
                        None => break,
                    }
                }
                decoded = reader.position();
                if kept.faulty && fault.is_none() {
                    fault = reader.next(&kept.layout).and_then(Result::err);
                }
            }
            Err(error) => fault = Some(error),
        }
        let channel = kept.channel.and_then(|(index, _)| {
            let channel = self.channels.get(index.number() as usize)?;
            Some((index, channel))
        });
        Record {
            channel_id,
            channel: channel.map(|(_, channel)| channel),
            channel_index: channel.map(|(index, _)| index),
            swarm: channel.map(|(_, channel)| self.swarm_of(channel)),
            sender: kept.channel.map(|(_, sender)| sender),
            layout: kept.layout,
            messages,
            fault: fault.filter(|_| kept.faulty),
            cut: kept.cut,
            undecoded: datagram.payload.get(decoded..).unwrap_or_default(),
            findings: &kept.findings,
            late: &[],
            failures: &[],
            verdicts: &kept.verdicts,
            receiver_verdicts: &kept.receiver_verdicts,
            // A DATA of several chunks has the worst verdict of them for all.
            subjects: &[],
        }
    }
}
