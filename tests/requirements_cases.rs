//! Every case of the prober that a requirement names exists.

use std::collections::BTreeSet;

use ppsp_inspect::probe::cases;
use ppsp_inspect::requirements::requirements;

#[test]
fn every_case_that_is_named_exists() {
    let known: BTreeSet<_> = cases().map(|case| case.id).collect();
    for row in requirements() {
        for case in row.coverage.cases {
            assert!(known.contains(case), "{}: there is no case {case}", row.id);
        }
    }
}
