//! A PPSPP peer without sockets, clock or threads.

mod ledbat;
mod store;
mod time;

pub use ledbat::{Gain, Ledbat, LedbatConfig};
pub use store::{Chunks, Store, StoreError};
pub use time::Moment;
