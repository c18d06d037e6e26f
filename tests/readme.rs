//! What the README shows is what the program prints.

use std::fs;
use std::path::Path;
use std::process::Command;

/// The commands in the README's console blocks and the output below each.
fn sessions(readme: &str) -> Vec<(String, String)> {
    let mut sessions: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match (line.strip_prefix("$ "), sessions.last_mut()) {
                (Some(command), _) => sessions.push((command.to_owned(), String::new())),
                (None, Some((_, output))) => {
                    output.push_str(line);
                    output.push('\n');
                }
                (None, None) => panic!("a console block starts with a command"),
            },
        }
    }
    sessions
}

/// Words of a command line, some of them in single quotation marks.
fn words(command: &str) -> Vec<&str> {
    let parts = command.split('\'').enumerate();
    let words = parts.flat_map(|(place, part)| {
        if place % 2 == 0 {
            part.split_whitespace().collect()
        } else {
            vec![part]
        }
    });
    words.collect()
}

#[test]
fn every_console_block_of_the_readme_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).expect("the README");
    let sessions = sessions(&readme);
    assert!(sessions.len() >= 3, "the README shows the program at work");
    for (command, expected) in sessions {
        let mut words = words(&command).into_iter();
        assert_eq!(words.next(), Some("ppsp-inspect"), "{command}");
        let output = Command::new(env!("CARGO_BIN_EXE_ppsp-inspect"))
            .args(words)
            .current_dir(root)
            .output()
            .expect("the program runs");
        let printed = String::from_utf8(output.stdout).expect("UTF-8");
        assert_eq!(printed.trim_end(), expected.trim_end(), "{command}");
    }
}
