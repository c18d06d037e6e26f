//! The page of a probe: nothing that comes from outside becomes markup, and it
//! stands alone.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction};

use super::*;
use crate::peer::engine::{Chunks, Moment};
use crate::probe::{
    Case, Expectations, Frame, Known, Manner, Report, Role, Swarm, Violation, cases,
};

const HOSTILE: &str = "</code><script>alert('\"1\"')</script><img src=x onerror=alert(1)>";

fn case(id: &str) -> &'static Case {
    cases().find(|case| case.id == id).expect("such a case")
}

fn frame(bytes: &[u8]) -> Frame {
    let address: SocketAddr = ([127, 0, 0, 1], 7000).into();
    Frame {
        at: Moment::default() + Duration::from_secs(1_795_322_041),
        source: address,
        destination: address,
        bytes: bytes.to_vec(),
        notes: vec![HOSTILE.to_owned()],
    }
}

fn report(case: &'static Case, verdict: Verdict) -> CaseReport {
    let violation = Violation {
        expected: HOSTILE.to_owned(),
        actual: HOSTILE.to_owned(),
        frames: vec![0],
        is_silence: false,
    };
    CaseReport {
        case,
        verdict,
        detail: if verdict == Verdict::Pass {
            String::new()
        } else {
            HOSTILE.to_owned()
        },
        violation: matches!(verdict, Verdict::Fail | Verdict::Warn).then_some(violation),
        record: vec![frame(&[0, 0, 0, 1, 3, 0, 0, 0, 0, 0, 0, 0, 7])],
        took: Duration::from_millis(20),
        killed: false,
    }
}

fn page(cases: Vec<CaseReport>, known: &str) -> String {
    let swarm = Swarm {
        id: vec![0xab; 20],
        integrity: ContentIntegrity::Merkle,
        hash_function: HashFunction::Sha1,
        addressing: ChunkAddressing::Chunk32,
        chunk_size: 1024,
    };
    let report = Report {
        known: Known {
            manner: Manner::without(&[OptionCode::ChunkSize]),
            declared: Declared {
                codes: vec![0, 2],
                version: Some(1),
                swarm_id: Some(vec![0xcd; 4]),
                has_end: true,
                ..Declared::default()
            },
            round_trip: Duration::from_micros(1500),
            has: Chunks::new(),
            size: Some(22),
            serves: true,
            verifies: true,
            is_garbled: false,
            protects: true,
        },
        record: vec![frame(b"garbage"), frame(b"more")],
        cases,
    };
    let summary = ProbeSummary {
        target: HOSTILE,
        swarm: &swarm,
        role: Role::Leecher,
        report: &report,
        expectations: &Expectations::parse(known).expect("lines"),
        command: HOSTILE,
        capture: Some(Path::new("<b>.pcapng")),
    };
    let mut out = Vec::new();
    write_probe_html(&mut out, &summary).expect("a vector takes all");
    String::from_utf8(out).expect("text")
}

fn mixed() -> Vec<CaseReport> {
    vec![
        report(case("rfc7574/3.1.1/unknown-swarm"), Verdict::Pass),
        report(case("rfc7574/7.11/reply-chunk-size"), Verdict::Fail),
        report(case("rfc7574/3.7/requests-in-order"), Verdict::Warn),
        report(case("rfc7574/3.10.1/asker-not-named"), Verdict::Skip),
        report(case("rfc7574/3.9/choked-target-serves"), Verdict::Error),
        report(case("rfc7574/7/options-sorted"), Verdict::Fail),
    ]
}

/// The names of all tags, in their order; those that end one begin with `/`.
fn tags(page: &str) -> Vec<&str> {
    let texts = page.split('<').skip(1);
    texts
        .map(|text| text.split([' ', '>', '\n']).next().unwrap_or_default())
        .collect()
}

#[test]
fn what_comes_from_outside_never_becomes_markup() {
    let page = page(mixed(), &format!("7/options-sorted # {HOSTILE}"));
    let known = [
        "!DOCTYPE", "html", "head", "meta", "title", "style", "body", "header", "h1", "h2", "h3",
        "p", "span", "time", "table", "thead", "tbody", "tr", "th", "td", "br", "code", "section",
        "article", "dl", "dt", "dd", "details", "summary", "pre", "a", "div", "ul", "li",
    ];
    for tag in tags(&page) {
        assert!(known.contains(&tag.trim_start_matches('/')), "{tag}");
    }
    assert!(page.contains("&lt;script&gt;alert(&#39;&quot;1&quot;&#39;)"));
    assert!(page.contains("&lt;b&gt;.pcapng"));
}

#[test]
fn the_page_stands_alone() {
    let page = page(mixed(), "");
    for outside in ["src=", "@import", "url(", "<link", "<script", "<iframe"] {
        let is_there = page.replace("img src=x", "").contains(outside);
        assert!(!is_there, "{outside}");
    }
    for link in page.split("href=\"").skip(1) {
        let is_known =
            link.starts_with('#') || link.starts_with("https://www.rfc-editor.org/rfc/rfc7574#");
        assert!(is_known, "{link:.60}");
    }
}

#[test]
fn every_element_that_begins_ends() {
    let page = page(mixed(), "7/options-sorted # why");
    let mut open = Vec::new();
    for tag in tags(&page) {
        match tag.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name)),
            None if ["!DOCTYPE", "meta", "br"].contains(&tag) => {}
            None => open.push(tag),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn failures_come_first_then_warnings_then_what_was_known_then_all() {
    let page = page(mixed(), "7/options-sorted # it always was");
    let places = [
        "Failures (2)",
        r#"id="rfc7574-7.11-reply-chunk-size""#,
        r#"id="rfc7574-3.9-choked-target-serves""#,
        "Warnings (1)",
        r#"id="rfc7574-3.7-requests-in-order""#,
        "Known failures (1)",
        "it always was",
        "All cases, in 6 sections",
        "rfc7574/3.1.1/unknown-swarm",
        "rfc7574/3.7/requests-in-order",
        "rfc7574/3.10.1/asker-not-named",
        "rfc7574/7/options-sorted",
    ];
    let mut from = 0;
    for place in places {
        let found = page[from..].find(place);
        from += found.unwrap_or_else(|| panic!("no {place} behind what comes before"));
    }
}

#[test]
fn the_target_is_described_and_frames_are_shown() {
    let page = page(mixed(), "");
    for part in [
        "as leecher",
        "begun at <time>2026-11-22T04:34:01Z</time>",
        "without the options chunk_size (9)",
        "<li>chunk_size (option 9, section",
        "<td>2</td><td>swarm_id</td><td>cdcdcdcd</td>",
        "22 chunks",
        // Two datagrams came before the first case.
        "<summary>4: 127.0.0.1:7000 → 127.0.0.1:7000, 13 bytes:",
        "0000  00 00 00 01 03",
        "✗ fail",
        "✓ pass",
    ] {
        assert!(page.contains(part), "no {part} in {page}");
    }
}

#[test]
fn a_pass_that_was_known_to_fail_is_a_failure() {
    let passed = vec![report(case("rfc7574/7/options-sorted"), Verdict::Pass)];
    let page = page(passed, "7/options-sorted # it is not sorted");
    assert!(page.contains("does not conform"));
    assert!(page.contains("it passes all the same"));
    assert!(page.contains("it is not sorted"));
}
