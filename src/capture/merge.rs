//! Several inputs as one sequence of packets, in the order of their times.

use super::error::CaptureError;
use super::source::{Record, Source};

/// The inputs, each with its next packet at hand.
pub(super) struct Merge {
    inputs: Vec<Head>,
    /// The input whose packet was given out last.
    current: usize,
    /// Whether every input was asked for its first packet.
    begun: bool,
    /// Section comments of inputs that are over.
    comments: Vec<String>,
}

struct Head {
    source: Source,
    record: Option<Record>,
    /// Nanoseconds; a packet without time counts as captured together with
    /// the one before it.
    order: i64,
    /// Which of the named inputs this is: some may have failed to open.
    number: usize,
}

impl Head {
    #[inline]
    fn advance(&mut self, faults: &mut Vec<CaptureError>) {
        self.record = match self.source.advance() {
            Ok(record) => record,
            Err(fault) => {
                faults.push(fault);
                None
            }
        };
        if let Some(time) = self.record.as_ref().and_then(|record| record.time) {
            self.order = time.nanoseconds();
        }
    }
}

impl Merge {
    /// Of inputs and their numbers.
    pub(super) fn new(sources: Vec<(usize, Source)>) -> Self {
        Self {
            inputs: sources
                .into_iter()
                .map(|(number, source)| Head {
                    source,
                    record: None,
                    order: i64::MIN,
                    number,
                })
                .collect(),
            current: 0,
            begun: false,
            comments: Vec::new(),
        }
    }

    /// Moves to the next packet; says whether there is one. Equal times keep
    /// the order of the inputs.
    #[inline]
    pub(super) fn advance(&mut self, faults: &mut Vec<CaptureError>) -> bool {
        if self.begun {
            // An input without a packet is over.
            if let Some(head) = self.inputs.get_mut(self.current)
                && head.record.is_some()
            {
                head.advance(faults);
                if head.record.is_none() {
                    self.remove_finished();
                }
            }
        } else {
            self.begun = true;
            for head in &mut self.inputs {
                head.advance(faults);
            }
            self.remove_finished();
        }
        let first = self
            .inputs
            .iter()
            .enumerate()
            .filter(|(_, head)| head.record.is_some())
            .min_by_key(|(_, head)| head.order);
        match first {
            Some((index, _)) => {
                self.current = index;
                true
            }
            None => false,
        }
    }

    /// Lets inputs that are over give their memory back; the last one stays.
    #[cold]
    fn remove_finished(&mut self) {
        let comments = &mut self.comments;
        let mut left = self.inputs.len();
        self.inputs.retain(|head| {
            let keep = head.record.is_some() || left == 1;
            if !keep {
                comments.extend_from_slice(head.source.section_comments());
                left -= 1;
            }
            keep
        });
    }

    /// The packet moved to, its bytes, and the number of its input.
    #[inline]
    pub(super) fn packet(&self) -> Option<(&Record, &[u8], usize)> {
        let head = self.inputs.get(self.current)?;
        let record = head.record.as_ref()?;
        Some((record, head.source.bytes(record), head.number))
    }

    /// The comments on that packet.
    pub(super) fn comment(&self) -> Option<&str> {
        self.inputs.get(self.current)?.source.comment()
    }

    /// The comments on the sections read so far.
    pub(super) fn section_comments(&self) -> impl Iterator<Item = &str> {
        let open = self
            .inputs
            .iter()
            .map(|head| head.source.section_comments());
        std::iter::once(self.comments.as_slice())
            .chain(open)
            .flatten()
            .map(String::as_str)
    }
}
