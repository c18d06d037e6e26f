//! Many datagrams: channels, swarms and what was negotiated on them.

mod input;

pub use input::{Datagram, Time, Transport};
