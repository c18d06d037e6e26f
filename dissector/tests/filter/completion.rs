//! What is offered at the cursor.

use ppspp_dissector::filter::{CandidateKind, complete};

/// What is offered at the `^` of a text, and what it replaces.
fn offered(text: &str) -> (Vec<String>, String) {
    let cursor = text.find('^').expect("a cursor");
    let text = text.replacen('^', "", 1);
    let completion = complete(&text, cursor);
    let texts = completion.candidates.into_iter();
    (
        texts.map(|candidate| candidate.text).collect(),
        text[completion.replaces].to_owned(),
    )
}

#[track_caller]
fn assert_first(text: &str, expected: &[&str], replaces: &str) {
    let (offered, word) = offered(text);
    let first = &offered[..expected.len().min(offered.len())];
    assert_eq!(first, expected, "{text}");
    assert_eq!(word, replaces, "{text}");
}

#[test]
fn fields_are_offered_where_a_test_begins() {
    assert_first("^", &["frame", "frame.number"], "");
    assert_first("udp.s^", &["udp.srcport"], "udp.s");
    assert_first(
        "udp && ppspp.chunk.^",
        &["ppspp.chunk.start", "ppspp.chunk.end"],
        "ppspp.chunk.",
    );
    assert_first("!(ip.d^", &["ip.dst"], "ip.d");
    assert_first("udp.port == 1 || mess^", &["message("], "mess");
    assert_first("count(ppspp.pex.p^", &["ppspp.pex.port"], "ppspp.pex.p");
    assert_first("all tcp.d^", &["tcp.dstport"], "tcp.d");
}

#[test]
fn parts_of_names_are_enough() {
    assert_first("chunk_size^", &["ppspp.handshake.chunk_size"], "chunk_size");
    assert_first("delay^", &["ppspp.ack.delay_us"], "delay");
}

#[test]
fn the_word_at_the_cursor_is_replaced_whole() {
    assert_first("udp.s^rcpo == 1", &["udp.srcport"], "udp.srcpo");
    assert_first(
        "ppspp.msg.type == \"DA^X\" && udp",
        &["\"DATA\""],
        "\"DAX\"",
    );
}

#[test]
fn comparisons_are_offered_behind_a_field_if_they_suit_its_kind() {
    let (number, _) = offered("udp.port ^");
    assert!(number.contains(&">=".to_owned()) && number.contains(&"in".to_owned()));
    assert!(!number.contains(&"contains".to_owned()), "{number:?}");
    assert!(number.contains(&"&&".to_owned()), "a field may stand alone");
    let (word, _) = offered("ppspp.msg.type ^");
    assert!(!word.contains(&">=".to_owned()), "{word:?}");
    assert!(word.contains(&"matches".to_owned()));
    let (presence, _) = offered("udp ^");
    assert_eq!(presence, ["&&", "||"]);
    assert_first("udp.port =^", &["=="], "=");
    assert_first("udp.port >^", &[">", ">="], ">");
}

#[test]
fn words_are_offered_where_the_field_has_some() {
    assert_first("ppspp.integrity == ^", &["\"verified\"", "\"failed\""], "");
    assert_first("ppspp.msg.type == \"REQ^", &["\"REQUEST\""], "\"REQ");
    assert_first(
        "ppspp.msg.type in {\"DATA\", \"HA^",
        &["\"HANDSHAKE\"", "\"HAVE\""],
        "\"HA",
    );
    assert_first(
        "ppspp.finding.id == ack.^",
        &["\"ack.interval-not-biggest\""],
        "ack.",
    );
}

#[test]
fn other_values_have_a_hint() {
    let text = "frame.time_relative > ";
    let completion = complete(text, text.len());
    assert!(completion.candidates.is_empty());
    assert_eq!(
        completion.hint,
        Some("durations are written as 1.5 (seconds), 20ms, 100us")
    );
}

#[test]
fn connectives_and_closing_signs_are_offered_behind_a_test() {
    assert_first("udp.port == 1 ^", &["&&", "||"], "");
    assert_first("(udp.port == 1 ^", &["&&", "||", ")"], "");
    assert_first("udp.port in {1 ^", &["..", "}", ","], "");
    assert_first("udp.port in ^", &["{"], "");
}

#[test]
fn nothing_is_offered_behind_what_can_not_be_read() {
    for text in ["udp.port == x && ^", "§ ^", "udp.port ) ^", "no.field == ^"] {
        assert_eq!(offered(text).0, Vec::<String>::new(), "{text}");
    }
}

#[test]
fn every_candidate_makes_a_filter_that_can_be_read_so_far() {
    for text in [
        "",
        "udp.port ",
        "ppspp.integrity == ",
        "(udp ",
        "ppspp.chunks ",
    ] {
        let completion = complete(text, text.len());
        for candidate in completion.candidates {
            let longer = format!("{text}{} ", candidate.text);
            let next = complete(&longer, longer.len());
            let goes_on = !next.candidates.is_empty() || next.hint.is_some();
            assert!(goes_on, "{longer:?}");
            if candidate.kind == CandidateKind::Field {
                assert!(!candidate.description.is_empty());
            }
        }
    }
}

#[test]
fn any_cursor_in_any_text_is_fine() {
    let text = "frame.comment == \"ä§\" && udp.port in {1..";
    for cursor in 0..text.len() + 5 {
        let completion = complete(text, cursor);
        assert!(text.get(completion.replaces).is_some(), "{cursor}");
    }
}
