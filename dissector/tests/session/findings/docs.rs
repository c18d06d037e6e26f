//! docs/FINDINGS.md is what the catalogue says.
