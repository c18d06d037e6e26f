//! The traffic of a probe as a capture whose packets say which case they are of.

use std::io::Write;

use ppspp_dissector::session::Time;

use super::runner::{CaseReport, Report};
use super::{Frame, Verdict};
use crate::capture::{InterfaceId, InterfaceSettings, PcapngWriter, WriteError, WrittenDatagram};

impl Report {
    /// The number that the first datagram of each case has in the capture, from
    /// 1, in the order of the cases.
    pub fn first_frames(&self) -> Vec<usize> {
        let mut next = self.record.len() + 1;
        self.cases
            .iter()
            .map(|case| {
                let first = next;
                next += case.record.len();
                first
            })
            .collect()
    }
}

/// Writes everything that was said.
///
/// # Errors
/// What `out` answers.
pub fn write_recording(out: impl Write, report: &Report, comment: &str) -> Result<(), WriteError> {
    let mut writer = PcapngWriter::new(out, &[comment])?;
    let interface = writer.add_interface(&InterfaceSettings {
        name: "probe",
        ..InterfaceSettings::default()
    })?;
    for frame in &report.record {
        let notes: Vec<&str> = frame.notes.iter().map(String::as_str).collect();
        write_frame(&mut writer, interface, frame, &notes)?;
    }
    for case in &report.cases {
        for (place, frame) in case.record.iter().enumerate() {
            let comments = comments(case, place, frame);
            let comments: Vec<&str> = comments.iter().map(String::as_str).collect();
            write_frame(&mut writer, interface, frame, &comments)?;
        }
    }
    writer.flush()?;
    Ok(())
}

/// What is said of a datagram: the case and its verdict; at the first one what
/// is asked for, at those that decided what was expected.
fn comments(case: &CaseReport, place: usize, frame: &Frame) -> Vec<String> {
    let mut comments = vec![format!("{}: {}", case.case.id, case.verdict.name())];
    if place == 0 {
        comments.push(case.case.requirement.to_owned());
    }
    comments.extend(frame.notes.iter().cloned());
    if let Some(violation) = &case.violation
        && matches!(case.verdict, Verdict::Fail | Verdict::Warn)
        && violation.frames.contains(&place)
    {
        comments.push(format!(
            "expected: {}; this is: {}",
            violation.expected, violation.actual
        ));
    }
    comments
}

fn write_frame<W: Write>(
    writer: &mut PcapngWriter<W>,
    interface: InterfaceId,
    frame: &Frame,
    comments: &[&str],
) -> Result<(), WriteError> {
    let nanoseconds = frame.at.microseconds().saturating_mul(1_000);
    let written = writer.write_datagram(
        interface,
        &WrittenDatagram {
            time: Time::from_nanoseconds(i64::try_from(nanoseconds).unwrap_or(i64::MAX)),
            source: frame.source,
            destination: frame.destination,
            payload: &frame.bytes,
            comments,
        },
    );
    match written {
        // What no host can send is in no capture; its number is kept all the same.
        Err(WriteError::TooLong { .. }) => write_placeholder(writer, interface, frame, comments),
        other => other,
    }
}

/// A datagram that was too long to be sent, without its bytes.
fn write_placeholder<W: Write>(
    writer: &mut PcapngWriter<W>,
    interface: InterfaceId,
    frame: &Frame,
    comments: &[&str],
) -> Result<(), WriteError> {
    let short = Frame {
        bytes: Vec::new(),
        ..frame.clone()
    };
    let mut comments = comments.to_vec();
    comments.push("this datagram was too long to be sent");
    write_frame(writer, interface, &short, &comments)
}
