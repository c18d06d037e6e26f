//! What several end-to-end tests need.

pub mod capture_writer;
