//! `ppsp-inspect`: see `ppsp-inspect --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ppsp_inspect::cli::main()
}
