//! The engine on a real UDP socket.

mod clock;
mod driver;
mod link;

pub use clock::Clock;
pub use driver::Driver;
pub use link::{Link, LinkError};
