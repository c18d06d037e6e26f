//! A PPSPP peer without sockets, clock or threads.

mod store;
mod time;

pub use store::{Chunks, Store, StoreError};
pub use time::Moment;
