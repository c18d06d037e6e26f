//! Which cases are run.

use wildmatch::WildMatch;

use super::case::{Case, Level, Role};

/// What is wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Patterns of ids, with `*` and `?`; none is all.
    pub include: Vec<String>,
    /// Patterns of ids that are left out.
    pub exclude: Vec<String>,
    /// Levels; none is all.
    pub levels: Vec<Level>,
    /// Whether cases run that take long.
    pub slow: bool,
}

impl Selection {
    /// Whether a case is wanted, of a target in a role.
    pub fn wants(&self, case: &Case, role: Role) -> bool {
        case.tests(role) && self.names(case)
    }

    /// Whether a case is wanted, whatever the target is.
    pub fn names(&self, case: &Case) -> bool {
        let matches = |pattern: &String| is_match(pattern, case.id);
        let is_named = self.include.iter().any(matches);
        (self.include.is_empty() || is_named)
            && !self.exclude.iter().any(matches)
            && (self.levels.is_empty() || self.levels.contains(&case.level))
            // Who names one by its whole id wants it.
            && (!case.is_slow || self.slow || self.include.iter().any(|it| it == case.id))
    }
}

/// Whether a pattern covers an id: all of it, or from a section on.
pub fn is_match(pattern: &str, id: &str) -> bool {
    WildMatch::new(pattern).matches(id)
        || WildMatch::new(&format!("{pattern}/*")).matches(id)
        || WildMatch::new(&format!("rfc7574/{pattern}")).matches(id)
        || WildMatch::new(&format!("rfc7574/{pattern}/*")).matches(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_is_an_id_a_section_or_a_glob() {
        let id = "rfc7574/3.1.1/unknown-swarm";
        for pattern in [
            "rfc7574/3.1.1/unknown-swarm",
            "3.1.1",
            "3.*",
            "*swarm",
            "rfc7574/3.1.1",
        ] {
            assert!(is_match(pattern, id), "{pattern}");
        }
        for pattern in ["3.1", "unknown", "7.*", "3.1.?/other"] {
            assert!(!is_match(pattern, id), "{pattern}");
        }
    }
}
