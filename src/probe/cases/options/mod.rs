//! Protocol options (RFC 7574, section 7).

mod list;
mod metadata;
mod supported_messages;
mod version;

use ppspp_dissector::wire::{DiscardWindow, MessageType, OptionCode, ProtocolOption};

use super::declarations::{misfit, replace, tell};
use super::support::{answered, needs_option, needs_options, refused};
use crate::probe::case::{Case, Outcome, Stop};
use crate::probe::conversation::Conversation;
use crate::probe::swarm::Declared;

/// The areas, in the order in which they run: what may end the target comes last.
pub(super) const AREAS: &[&[Case]] = &[
    version::CASES,
    metadata::CASES,
    supported_messages::CASES,
    list::CASES,
];

const REPLY: &[MessageType] = &[MessageType::Handshake];

/// The declarations of a reply, and where it is in the record.
pub(super) fn declared(it: &mut Conversation<'_>) -> Result<(Declared, usize), Stop> {
    needs_options(it)?;
    let port = it.first_port()?;
    let (channel, reply) = it.shake(port)?;
    Ok((channel.declared, reply.frame))
}

/// A HANDSHAKE in the target's manner, but with this option, is answered.
pub(super) fn takes(it: &mut Conversation<'_>, option: OptionCode) -> Outcome {
    needs_options(it)?;
    let mut manner = it.known().manner.clone();
    manner.left_out.remove(&option.code());
    let options = it.swarm().options(&manner);
    if !options.iter().any(|it| it.code() == option) {
        return Err(Stop::Skip(format!("the swarm has no {option}")));
    }
    let expected = format!(
        "a HANDSHAKE in reply to one with the option {option} ({})",
        option.code()
    );
    answered(it, &options, &expected).map(|_| ())
}

/// The reply has an option, and it says what the swarm uses.
pub(super) fn tells<T: PartialEq + std::fmt::Display>(
    it: &mut Conversation<'_>,
    option: OptionCode,
    value: impl Fn(&Declared) -> Option<T>,
    wanted: &T,
) -> Outcome {
    let (declared, frame) = declared(it)?;
    tell(&declared, frame, option, value(&declared), wanted)
}

/// A peer that declares another value of an option than the swarm's is not answered.
pub(super) fn refuses_other(it: &mut Conversation<'_>, option: OptionCode) -> Outcome {
    let other = misfit(it.swarm(), option)?;
    refuses(it, other, &format!("its {option} is not the swarm's"))
}

/// A peer that declares this is not answered.
fn refuses(it: &mut Conversation<'_>, other: ProtocolOption<'static>, because: &str) -> Outcome {
    needs_option(it, other.code())?;
    refused(
        it,
        |options| {
            if let ProtocolOption::ChunkAddressing(method) = &other
                && DiscardWindow::is_wide(*method).is_none()
            {
                // How wide it is nobody could tell.
                options.retain(|it| !matches!(it, ProtocolOption::LiveDiscardWindow(_)));
            }
            replace(options, [other]);
        },
        because,
    )
}
