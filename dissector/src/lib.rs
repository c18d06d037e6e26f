//! PPSPP (RFC 7574): bytes in, meaning out.
//!
//! Nothing here does I/O, reads a clock, starts a thread or draws a random
//! number: datagrams and their times come in, records go out.
#![forbid(unsafe_code)]

pub mod fields;
pub mod filter;
pub mod finding;
pub mod integrity;
pub mod session;
pub mod wire;
