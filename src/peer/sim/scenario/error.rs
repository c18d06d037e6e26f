//! What is wrong with a scenario, and where.

use std::fmt;
use std::ops::Range;

/// Why a scenario can't be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenarioError {
    /// The line, from 1, where it is one place that is wrong.
    pub line: Option<usize>,
    /// The line's text.
    pub text: Option<String>,
    /// The field, as a path such as `nodes.uplink_via`; empty where the line
    /// says it.
    pub field: String,
    /// What is wrong.
    pub problem: String,
}

impl ScenarioError {
    pub(super) fn from_toml(source: &str, error: &toml::de::Error) -> Self {
        Self::new(source, error.span(), "", error.message().trim())
    }

    pub(in crate::peer::sim) fn new(
        source: &str,
        place: Option<Range<usize>>,
        field: &str,
        problem: impl Into<String>,
    ) -> Self {
        let before = place.and_then(|place| source.get(..place.start));
        let line = before.map(|before| before.matches('\n').count() + 1);
        let text = line.and_then(|line| source.lines().nth(line - 1));
        Self {
            line,
            text: text.map(|text| text.trim().to_owned()),
            field: field.to_owned(),
            problem: problem.into(),
        }
    }
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.problem)?;
        if let Some(text) = self.text.as_deref().filter(|text| !text.is_empty()) {
            write!(f, "\n  {text}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ScenarioError {}
