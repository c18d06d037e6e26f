//! The display-filter language.

mod completion;
mod docs;
mod errors;
mod language;
mod model;
mod strategies;
mod support;
mod values;
