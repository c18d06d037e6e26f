//! The prober as a source: the target is a leecher or a viewer, which connects to
//! us.
//!
//! Each case has the target started anew, or waits until it comes, through
//! [`Net::invite`](super::Net::invite): the [`Invitation`] says where we are and
//! what we serve. A [`Seeder`] is our end: it answers the HANDSHAKE, announces,
//! gives what is asked for, right or wrong as the case likes it, and keeps a
//! [`Log`] of what the target has said. [`welcome`] gets to know the target
//! before the first case.

mod announcing;
mod content;
mod exec;
mod invitation;
mod log;
mod program;
mod seeded;
mod seeder;
mod stream;
mod welcome;

pub use content::{Content, Evidence, Shape, Source};
pub(super) use exec::hexadecimal;
pub use exec::{Expecting, ServingNet};
pub use invitation::{Fate, Invitation};
pub use log::{Acked, Log, Said};
pub use program::{Program, end_programs};
pub use seeded::Seeded;
pub use seeder::{Gift, Offer, Seeder};
pub use stream::{Forgery, Signer, Stream};
pub use welcome::welcome;
