//! Colours help, and are never the only sign: screens in every theme.

use std::collections::BTreeMap;

use ratatui::style::{Modifier, Style};

use super::config::Environment;
use super::stage::{COLOURS, drawn, over, runs, styles, typed, with};
use super::theme::{Theme, ThemeName};

/// Screens with everything that has a colour: keys that lead to them.
const SCREENS: [(&str, &str, &str); 6] = [
    ("packets", "merkle-one-bad-chunk", "1<pause>20j<enter>"),
    ("swarms", "two-swarms-one-socket", "2<pause>"),
    (
        "swarm",
        "merkle-one-bad-chunk",
        "2<pause><enter>mgg40l<tab>",
    ),
    ("flow", "merkle-one-bad-chunk", "3<pause>"),
    ("compare", "two-swarms-one-socket", "3<pause>jjc j "),
    ("findings", "deviations", "6<pause>jj"),
];

#[test]
fn screens_have_their_colours_in_every_theme() {
    let plain = Environment {
        colour: false,
        ..COLOURS
    };
    let sixteen = Environment {
        full_colour: false,
        ..COLOURS
    };
    let light = Environment {
        light: true,
        ..COLOURS
    };
    for (theme, environment) in [
        ("dark", COLOURS),
        ("light", light),
        ("16", sixteen),
        ("none", plain),
    ] {
        for (name, sample, keys) in SCREENS {
            let mut app = with(sample, environment);
            drawn(&mut app, 80, 24);
            typed(&mut app, keys);
            let told = styles(&drawn(&mut app, 80, 24));
            insta::with_settings!({snapshot_suffix => theme, omit_expression => true}, {
                insta::assert_snapshot!(format!("styles-{name}"), told);
            });
        }
    }
}

#[test]
fn without_colours_there_are_none_and_the_selected_line_still_shows() {
    let plain = Environment {
        colour: false,
        ..COLOURS
    };
    for (name, sample, keys) in SCREENS {
        let mut app = with(sample, plain);
        drawn(&mut app, 80, 24);
        typed(&mut app, keys);
        let runs = runs(&drawn(&mut app, 80, 24));
        let coloured = runs
            .iter()
            .find(|(_, _, style, _)| style.fg.is_some() || style.bg.is_some());
        assert!(coloured.is_none(), "{name}: {coloured:?}");
        let shows = |style: &Style| {
            let marks = Modifier::REVERSED | Modifier::UNDERLINED | Modifier::BOLD;
            style.add_modifier.intersects(marks)
        };
        let body = runs.iter().filter(|(line, ..)| (2..23).contains(line));
        assert!(body.clone().any(|(_, _, style, _)| shows(style)), "{name}");
    }
}

/// What a colour says of something, where it says anything.
fn meaning(theme: &Theme, style: Style) -> Option<&'static str> {
    [
        ("good", theme.good),
        ("bad", theme.bad),
        ("unknown", theme.unknown),
        ("warning", theme.warning),
        ("note", theme.note),
        ("marked", theme.marked),
    ]
    .into_iter()
    .find(|(_, known)| known.fg == style.fg && known.fg.is_some())
    .map(|(name, _)| name)
}

/// The same signs in two colours with different meanings would be told apart by the
/// colour alone. Numbers in columns are told apart by their headings.
#[test]
fn nothing_is_told_by_its_colour_alone() {
    let theme = Theme::with(ThemeName::Dark, &BTreeMap::new()).expect("a theme");
    let mut seen: BTreeMap<(&str, String), &str> = BTreeMap::new();
    let mut count = 0;
    for (name, sample, keys) in SCREENS {
        for moves in 0..12 {
            let mut app = over(sample);
            drawn(&mut app, 120, 40);
            typed(&mut app, keys);
            typed(&mut app, &"j".repeat(moves));
            for (line, x, style, text) in runs(&drawn(&mut app, 120, 40)) {
                let Some(meaning) = meaning(&theme, style) else {
                    continue;
                };
                for word in text.split_whitespace() {
                    if word.bytes().all(|byte| byte.is_ascii_digit()) {
                        continue;
                    }
                    // A run of cells is as good as one.
                    let mut signs: Vec<char> = word.chars().collect();
                    signs.dedup();
                    let signs: String = signs.into_iter().filter(|c| !c.is_ascii_digit()).collect();
                    let before = *seen.entry((name, signs)).or_insert(meaning);
                    assert_eq!(before, meaning, "{name}, line {line}, column {x}: {word}");
                    count += 1;
                }
            }
        }
    }
    assert!(count > 100, "{count} coloured words");
}
