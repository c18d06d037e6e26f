//! Any text as a filter: it is read or refused at a place within it, what is
//! read is written as something that reads as the same, and every cursor can be
//! completed. An ordinary test includes this file, too.

use ppspp_dissector::filter::{Filter, complete};

/// The first byte chooses the cursor, the rest is the text.
pub(crate) fn check(input: &[u8]) {
    let Some((&cursor, text)) = input.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    match Filter::parse(text) {
        Ok(filter) => {
            let written = filter.to_string();
            match Filter::parse(&written) {
                Ok(again) => assert_eq!(again.expression(), filter.expression(), "{written}"),
                Err(error) => panic!("{}", error.with_text(&written)),
            }
        }
        Err(error) => {
            let place = text.get(error.offset..error.offset + error.length);
            assert!(place.is_some(), "{error:?} lies outside");
            assert!(!error.with_text(text).to_string().is_empty());
        }
    }
    let completion = complete(text, usize::from(cursor));
    assert!(text.get(completion.replaces).is_some());
}
