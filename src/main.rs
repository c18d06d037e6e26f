//! `ppsp-inspect`: see `ppsp-inspect --help`.

fn main() {}
