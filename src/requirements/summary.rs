//! How many requirements are covered by what.

use super::requirement::{Level, Requirement, Uncovered};

/// Counts of one level's requirements. One that is covered in several ways
/// counts in several columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All of them.
    pub rows: usize,
    /// Those that a finding is there for.
    pub findings: usize,
    /// Those that a case of the prober is there for.
    pub cases: usize,
    /// Those that a test of our own peer is there for.
    pub tests: usize,
    /// Those that can't be checked from the wire.
    pub not_checkable: usize,
    /// Those that nothing checks yet.
    pub unchecked: usize,
}

impl Counts {
    /// Counts some requirements.
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a Requirement>) -> Self {
        let mut counts = Self::default();
        for row in rows {
            let coverage = &row.coverage;
            counts.rows += 1;
            counts.findings += usize::from(!coverage.findings.is_empty());
            counts.cases += usize::from(!coverage.cases.is_empty());
            counts.tests += usize::from(!coverage.tests.is_empty());
            match coverage.uncovered {
                Some(Uncovered::NotCheckable(_)) => counts.not_checkable += 1,
                Some(Uncovered::Unchecked(_)) => counts.unchecked += 1,
                None => {}
            }
        }
        counts
    }

    /// Counts the requirements of each level.
    pub fn by_level(rows: &[&Requirement]) -> [(Level, Self); 4] {
        Level::ALL.map(|level| {
            let of_level = rows.iter().copied().filter(|row| row.level() == level);
            (level, Self::of(of_level))
        })
    }

    /// The counts with the names of their columns.
    pub const fn columns(&self) -> [(&'static str, usize); 6] {
        [
            ("rows", self.rows),
            ("findings", self.findings),
            ("cases", self.cases),
            ("peer tests", self.tests),
            ("not checkable", self.not_checkable),
            ("unchecked", self.unchecked),
        ]
    }
}
