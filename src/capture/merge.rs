//! Several inputs as one sequence of packets, in the order of their times.
//!
//! Of many files, those whose first packet is not due yet are closed again:
//! hundreds of rotated files then take no more memory and file handles than
//! the few whose times overlap.

use super::error::CaptureError;
use super::input::{self, Input, Opened, Opener};
use super::record::Record;
use super::source::Source;

/// With more inputs than this, files are closed until they are due.
const MOST_AWAKE: usize = 4;

/// The inputs, each with its next packet at hand.
pub(super) struct Merge {
    opener: Opener,
    inputs: Vec<Head>,
    /// The input whose packet was given out last.
    current: usize,
    /// Whether a packet was given out.
    begun: bool,
    /// Section comments of inputs that are over.
    comments: Vec<String>,
}

struct Head {
    state: State,
    /// Nanoseconds; a packet without time counts as captured together with
    /// the one before it.
    order: i64,
    /// Which of the named inputs this is: some may have failed to open.
    number: usize,
}

enum State {
    /// Nothing was asked of it yet, as it might be a pipe that is slow.
    New(Box<Source>),
    /// At a packet.
    Awake(Box<Source>),
    /// Closed, as its first packet is not due.
    Asleep(Input),
}

impl Head {
    /// Moves to the next packet; says whether there is one.
    #[inline]
    fn advance(&mut self, opener: &Opener) -> Result<bool, CaptureError> {
        if let State::Asleep(input) = &self.state {
            let window = opener.window(input::open(input)?)?;
            let source = Source::new(window)?;
            self.state = State::New(Box::new(source));
        }
        match &mut self.state {
            State::Awake(source) => {
                if !source.advance()? {
                    return Ok(false);
                }
            }
            State::New(source) => {
                if !source.advance()? {
                    return Ok(false);
                }
                // In place of the box goes one that is dropped at once.
                let state = std::mem::replace(&mut self.state, State::Asleep(Input::Stdin));
                if let State::New(source) = state {
                    self.state = State::Awake(source);
                }
            }
            State::Asleep(_) => return Ok(false),
        }
        if let State::Awake(source) = &self.state
            && let Some(time) = source.record().time
        {
            self.order = time.nanoseconds();
        }
        Ok(true)
    }

    fn source(&self) -> Option<&Source> {
        match &self.state {
            State::New(source) | State::Awake(source) => Some(source),
            State::Asleep(_) => None,
        }
    }
}

impl Merge {
    /// Of no inputs.
    pub(super) fn new(opener: Opener) -> Self {
        Self {
            opener,
            inputs: Vec::new(),
            current: 0,
            begun: false,
            comments: Vec::new(),
        }
    }

    /// Adds an input, which is one of `count`.
    pub(super) fn add(
        &mut self,
        opened: Opened,
        number: usize,
        count: usize,
    ) -> Result<(), CaptureError> {
        let file = opened.file.clone().filter(|_| count > MOST_AWAKE);
        let before = self.opener.bytes_read();
        let source = Source::new(self.opener.window(opened)?)?;
        let mut head = Head {
            state: State::New(Box::new(source)),
            order: i64::MIN,
            number,
        };
        if let Some(file) = file {
            // A fault will be met, and told, when the file is read again.
            let _ = head.advance(&self.opener);
            head.state = State::Asleep(file);
            self.opener.set_bytes_read(before);
        }
        self.inputs.push(head);
        Ok(())
    }

    /// Whether there are no inputs.
    pub(super) fn is_empty(&self) -> bool {
        self.inputs.is_empty()
    }

    /// How many bytes were read of all inputs, as they are stored.
    pub(super) fn bytes_read(&self) -> u64 {
        self.opener.bytes_read()
    }

    /// Moves to the next packet; says whether there is one. Equal times keep
    /// the order of the inputs.
    #[inline]
    pub(super) fn advance(&mut self, faults: &mut Vec<CaptureError>) -> bool {
        if self.begun {
            self.advance_input(self.current, faults);
        } else {
            self.begin(faults);
        }
        loop {
            let heads = self.inputs.iter().enumerate();
            let Some((first, head)) = heads.min_by_key(|(_, head)| head.order) else {
                return false;
            };
            self.current = first;
            if matches!(head.state, State::Awake(..)) {
                return true;
            }
            self.advance_input(first, faults);
        }
    }

    #[cold]
    fn begin(&mut self, faults: &mut Vec<CaptureError>) {
        self.begun = true;
        let mut index = 0;
        while let Some(head) = self.inputs.get(index) {
            let number = head.number;
            if matches!(head.state, State::New(_)) {
                self.advance_input(index, faults);
            }
            // Where it was dropped, the next one has moved here.
            let stayed = self
                .inputs
                .get(index)
                .is_some_and(|head| head.number == number);
            index += usize::from(stayed);
        }
    }

    /// Moves one input to its next packet, and drops it where there is none.
    #[inline]
    fn advance_input(&mut self, index: usize, faults: &mut Vec<CaptureError>) {
        let Some(head) = self.inputs.get_mut(index) else {
            return;
        };
        match head.advance(&self.opener) {
            Ok(true) => return,
            Ok(false) => {}
            Err(fault) => faults.push(fault),
        }
        if let Some(source) = head.source() {
            self.comments.extend_from_slice(source.section_comments());
        }
        self.inputs.remove(index);
    }

    /// The packet moved to, its bytes, and the number of its input.
    #[inline]
    pub(super) fn packet(&self) -> Option<(&Record, &[u8], usize)> {
        let head = self.inputs.get(self.current)?;
        match &head.state {
            State::Awake(source) => Some((source.record(), source.bytes(), head.number)),
            _ => None,
        }
    }

    /// Offset of that packet in its input; `None` where that is compressed.
    #[inline]
    pub(super) fn packet_offset(&self) -> Option<u64> {
        match &self.inputs.get(self.current)?.state {
            State::Awake(source) => source.packet_offset(),
            _ => None,
        }
    }

    /// The comments on that packet.
    pub(super) fn comment(&self) -> Option<&str> {
        self.inputs.get(self.current)?.source()?.comment()
    }

    /// The comments on the sections read so far.
    pub(super) fn section_comments(&self) -> impl Iterator<Item = &str> {
        let open = self.inputs.iter().filter_map(Head::source);
        let open = open.flat_map(Source::section_comments);
        self.comments.iter().chain(open).map(String::as_str)
    }
}
