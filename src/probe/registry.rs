//! All cases.

use super::case::Case;
use super::cases::AREAS;

/// All cases, in the order in which they run.
pub fn cases() -> impl Iterator<Item = &'static Case> {
    AREAS.iter().copied().flatten().copied().flatten()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::peer::misbehave::Misbehaviour;

    #[test]
    fn ids_are_sections_and_slugs_and_none_comes_twice() {
        let mut seen = BTreeSet::new();
        for case in cases() {
            assert!(seen.insert(case.id), "{} comes twice", case.id);
            let parts: Vec<&str> = case.id.split('/').collect();
            assert_eq!(parts.len(), 3, "{}", case.id);
            assert_eq!(parts[0], "rfc7574", "{}", case.id);
            let is_section = |text: &str| {
                let digits =
                    |part: &str| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit());
                text.split('.').all(digits)
            };
            assert!(is_section(case.section()), "{}", case.id);
            let is_slug = |text: &str| {
                text.bytes()
                    .all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
            };
            assert!(is_slug(parts[2]), "{}", case.id);
        }
    }

    #[test]
    fn every_case_says_what_it_tests_and_what_the_rfc_asks_for() {
        for case in cases() {
            assert!(case.title.len() > 10, "{}", case.id);
            assert!(case.requirement.ends_with('.'), "{}", case.id);
            assert!(!case.requirement.contains("  "), "{}", case.id);
        }
    }

    #[test]
    fn every_misbehaviour_is_there_for_a_case() {
        let found: BTreeSet<Misbehaviour> = cases()
            .flat_map(|case| case.finds.iter().copied())
            .collect();
        for misbehaviour in Misbehaviour::ALL {
            assert!(found.contains(misbehaviour), "{}", misbehaviour.name());
        }
    }
}
