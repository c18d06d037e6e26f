//! docs/PROBE.md lists the cases that there are. `UPDATE_DOCS=1 cargo test`
//! writes its table again.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::{env, fs};

use ppsp_inspect::probe::cases;

const BEGIN: &str = "<!-- The table is made from the cases: UPDATE_DOCS=1 cargo test -->\n";
const END: &str = "<!-- The end of the table -->\n";

fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/PROBE.md")
}

fn table() -> String {
    let mut table = String::from(
        "| case | level | target | what is tested | what the RFC asks for |\n|---|---|---|---|---|\n",
    );
    for case in cases() {
        let (id, level, title) = (case.id, case.level, case.title);
        let requirement = case.requirement;
        let roles = case.role_names();
        writeln!(
            table,
            "| `{id}` | {level} | {roles} | {title} | {requirement} |"
        )
        .expect("a string");
    }
    table
}

#[test]
fn the_table_of_cases_is_what_there_is() {
    let text = fs::read_to_string(file()).expect("docs/PROBE.md");
    let (before, rest) = text.split_once(BEGIN).expect("the table's beginning");
    let (found, after) = rest.split_once(END).expect("the table's end");
    let expected = table();
    if env::var_os("UPDATE_DOCS").is_some() {
        let text = format!("{before}{BEGIN}{expected}{END}{after}");
        fs::write(file(), text).expect("docs/PROBE.md can be written");
    } else {
        assert!(
            found == expected,
            "docs/PROBE.md is old: UPDATE_DOCS=1 cargo test"
        );
    }
}
