//! What several end-to-end tests need.

pub mod analysis;
pub mod capture_writer;
pub mod certificates;
pub mod foreign;
pub mod openssl_keys;
pub mod outputs;
pub mod program;
pub mod random;
pub mod samples;
pub mod terminal;
pub mod transfer;
pub mod variants;
