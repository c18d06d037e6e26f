//! Failures that are known of a target, and why.

use super::case::Verdict;
use super::runner::CaseReport;
use super::selection::is_match;

/// What is known of a target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expectations {
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    pattern: String,
    why: String,
    /// Whether it passes at times.
    is_unsure: bool,
}

/// A line that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ExpectationError {
    /// Which, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: &'static str,
}

impl Expectations {
    /// From a file of lines `ID # WHY`, or `~ID # WHY` for what fails at times only;
    /// empty lines and such that begin with `#` are passed over.
    ///
    /// # Errors
    /// When a line does not say why.
    pub fn parse(text: &str) -> Result<Self, ExpectationError> {
        let mut lines = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let error = |problem| ExpectationError {
                line: index + 1,
                problem,
            };
            let (id, why) = line
                .split_once('#')
                .map(|(id, why)| (id.trim(), why.trim()))
                .filter(|(_, why)| !why.is_empty())
                .ok_or_else(|| {
                    error("an expected failure needs a reason: case id, #, why it fails")
                })?;
            if id.contains(char::is_whitespace) || id.is_empty() {
                return Err(error("one case id or pattern comes before the #"));
            }
            let unsure = id.strip_prefix('~');
            lines.push(Line {
                pattern: unsure.unwrap_or(id).to_owned(),
                why: why.to_owned(),
                is_unsure: unsure.is_some(),
            });
        }
        Ok(Self { lines })
    }

    /// Why a case is expected to fail, where it is.
    pub fn why(&self, id: &str) -> Option<&str> {
        Some(self.line(id)?.why.as_str())
    }

    fn line(&self, id: &str) -> Option<&Line> {
        self.lines.iter().find(|line| is_match(&line.pattern, id))
    }

    /// The patterns, in their order.
    pub fn patterns(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(|line| line.pattern.as_str())
    }

    /// Whether a case came out as it should: passed, or failed where that is
    /// expected. One that passes where a failure is expected did not, unless it is
    /// known to fail at times only.
    pub fn is_fine(&self, report: &CaseReport) -> bool {
        let line = self.line(report.case.id);
        match report.verdict {
            Verdict::Fail => line.is_some(),
            Verdict::Pass => line.is_none_or(|line| line.is_unsure),
            Verdict::Error => false,
            Verdict::Warn | Verdict::Skip | Verdict::Inconclusive => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_expected_failure_has_a_reason() {
        let text = "# libswift\n\nrfc7574/7.11/reply-chunk-size # option 9 is unknown to it\n7.10 # so is 8";
        let known = Expectations::parse(text).expect("fine");
        assert_eq!(
            known.why("rfc7574/7.11/reply-chunk-size"),
            Some("option 9 is unknown to it")
        );
        assert_eq!(known.why("rfc7574/7.10/bitmap-true"), Some("so is 8"));
        assert_eq!(known.why("rfc7574/7.1/reply-end-option"), None);
        let error = Expectations::parse("a # b\nrfc7574/x").expect_err("no reason");
        assert_eq!(error.line, 2);
        assert!(Expectations::parse("a b # c").is_err());
        let known = Expectations::parse("~7.10 # now and then").expect("fine");
        assert_eq!(known.why("rfc7574/7.10/bitmap-true"), Some("now and then"));
        assert_eq!(known.patterns().collect::<Vec<_>>(), ["7.10"]);
        assert!(Expectations::parse("a #").is_err());
    }
}
