//! The engine on a real UDP socket.

mod clock;
mod driver;
mod link;
mod recorder;

pub use clock::Clock;
pub use driver::Driver;
pub(crate) use link::is_passing;
pub use link::{Link, LinkError, Offload};
pub use recorder::{Complaint, Recorder};
