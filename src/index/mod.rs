//! Every datagram of a capture, to be had again at once by its row: what a user
//! interface scrolls through.
//!
//! A thread of its own reads the capture, analyzes it, and keeps of each datagram
//! a [`Row`] of 24 bytes in memory and what the session said of it in an unlinked
//! temporary file (`spool`). The datagram's bytes stay where they are: in the
//! capture file, or, where that is compressed, a pipe, or the datagram was put
//! together, in the spool too. Rows keep arriving until the inputs end; whoever
//! reads sees as many as there are.
//!
//! Nothing here decides anything about the protocol: [`Reader::row`] gives the
//! very [`Record`](ppspp_dissector::session::Record) that the analyzer made.
//! What is measured besides (`measure`, `series`) is counting and subtracting of
//! what records say.

mod channel_series;
mod codec;
mod finding_codec;
mod histogram;
mod indexer;
mod keep;
mod lag;
mod measure;
mod origins;
mod progress;
mod reader;
mod row;
mod rows;
mod segments;
mod series;
mod spool;
mod store;
mod timeline;

pub use channel_series::ChannelSeries;
pub use histogram::Histogram;
pub use keep::Keep;
pub use lag::{Behind, Lag};
pub use measure::{Conversation, Direction};
pub use origins::{Origin, OriginSearch, Place};
pub use reader::{Item, Reader};
pub use row::{Kinds, Row, Worst};
pub use series::{Bucket, Series};
pub use store::{Status, Store};
pub use timeline::{Extent, Timeline};
