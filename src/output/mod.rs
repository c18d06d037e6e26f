//! What people and programs read: text, trees, hex, JSON lines, statistics.
//!
//! Nothing here decides anything about the protocol; it shows what the session
//! found out.

mod catalogue;
mod content;
mod fields;
mod format;
mod hex;
mod interfaces;
mod json;
mod key;
mod line;
mod markup;
mod page;
mod probe;
mod probe_frames;
mod probe_html;
mod probe_json;
mod probe_matrix;
mod probe_matrix_html;
mod requirements;
mod simulation;
mod stats;
mod style;
mod transfer;
mod tree;
mod verification;

pub use catalogue::{write_catalogue, write_catalogue_json};
pub use content::{
    ContentSummary, write_content, write_content_json, write_content_tree, write_extraction,
};
pub use fields::{write_fields, write_fields_json};
pub use format::{Hex, TimeFormat, TimeStyle, short_swarm};
pub use hex::write_hex;
pub use interfaces::{
    LiveFigures, write_interfaces, write_interfaces_json, write_live_counters, write_live_figures,
    write_live_figures_json,
};
pub use json::{JsonTimes, write_json_line};
pub use key::{KeySummary, write_key, write_key_json};
pub use line::{mark, sentence, sentence_begun, write_line};
pub use probe::{
    ProbeSummary, write_case_line, write_cases, write_probe, write_probe_markdown, write_target,
};
pub use probe_html::write_probe_html;
pub use probe_json::{write_cases_json, write_probe_json, write_probe_junit};
pub use probe_matrix::{
    MatrixColumn, ProbeMatrix, write_probe_matrix, write_probe_matrix_markdown,
};
pub use probe_matrix_html::{write_probe_matrix_html, write_probe_matrix_json};
pub use requirements::{write_requirements, write_requirements_json};
pub use simulation::{SimulationSummary, write_simulation, write_simulation_json};
pub use stats::{CaptureSummary, write_stats, write_stats_json};
pub use style::Style;
pub use transfer::{
    Comparison, TransferSummary, write_comparison, write_comparison_json, write_event,
    write_event_json, write_transfer, write_transfer_json,
};
pub use tree::{Node, NodeKind, tree, write_tree};
pub use verification::{VerificationSummary, write_verification, write_verification_json};
