//! What the analyzer makes of conversations between peers.

mod content;
mod support;
mod words;

mod channels;
mod dialects;
mod disagreement;
mod findings;
mod forget;
mod inference;
mod limits;
mod middle;
mod strangers;
mod verification;
