//! Colour, where the terminal wants it. Colour is never the only sign: every
//! coloured word says the same without it.

use std::fmt;

use anstyle::{AnsiColor, Color, Effects};
use ppspp_dissector::finding::Severity;

/// Whether and how to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    coloured: bool,
}

impl Style {
    /// With colours or without.
    pub const fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    fn paint<T: fmt::Display>(self, style: anstyle::Style, value: T) -> Painted<T> {
        Painted {
            style: self.coloured.then_some(style),
            value,
        }
    }

    /// A heading.
    pub(super) fn heading<T: fmt::Display>(self, value: T) -> Painted<T> {
        self.paint(anstyle::Style::new().bold(), value)
    }

    /// What is there but seldom read.
    pub(super) fn faint<T: fmt::Display>(self, value: T) -> Painted<T> {
        self.paint(anstyle::Style::new().effects(Effects::DIMMED), value)
    }

    /// A message's name.
    pub(super) fn name<T: fmt::Display>(self, value: T) -> Painted<T> {
        let colour = Color::Ansi(AnsiColor::Cyan);
        self.paint(anstyle::Style::new().fg_color(Some(colour)), value)
    }

    /// A swarm.
    pub(super) fn swarm<T: fmt::Display>(self, value: T) -> Painted<T> {
        let colour = Color::Ansi(AnsiColor::Magenta);
        self.paint(anstyle::Style::new().fg_color(Some(colour)), value)
    }

    /// A severity in a column of its own.
    pub(super) fn severity_column(self, severity: Severity) -> Painted<String> {
        self.severity(severity, format!("{:<8}", severity.name()))
    }

    /// Something of this severity.
    pub(super) fn severity<T: fmt::Display>(self, severity: Severity, value: T) -> Painted<T> {
        let colour = match severity {
            Severity::Error => AnsiColor::Red,
            Severity::Warning => AnsiColor::Yellow,
            Severity::Note => AnsiColor::Blue,
        };
        let style = anstyle::Style::new().fg_color(Some(Color::Ansi(colour)));
        self.paint(style, value)
    }
}

/// A value in its colour.
pub(super) struct Painted<T> {
    style: Option<anstyle::Style>,
    value: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.style {
            Some(style) => {
                write!(f, "{style}")?;
                self.value.fmt(f)?;
                write!(f, "{style:#}")
            }
            None => self.value.fmt(f),
        }
    }
}
