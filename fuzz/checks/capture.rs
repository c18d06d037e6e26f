//! What must hold of any bytes as a capture: they are read to their end or to
//! the damage, twice as the program does it, and written in every way.

use std::io::{Cursor, sink};

use ppsp_inspect::capture::Capture;
use ppspp_dissector::session::Learned;

use super::outputs::read_with_all_outputs;

pub(crate) fn check(input: &[u8]) {
    let open = || Capture::from_reader("fuzzed", Cursor::new(input.to_vec()));
    let (Ok(first), Ok(second)) = (open(), open()) else {
        return;
    };
    let (one, learned) = read_with_all_outputs(first, Learned::default(), &mut sink());
    let (other, _) = read_with_all_outputs(second, learned, &mut sink());
    assert_eq!(one.has_faults, other.has_faults);
    assert!(
        one.datagrams <= other.datagrams,
        "a second reading knows more"
    );
}
