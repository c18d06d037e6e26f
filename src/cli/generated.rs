//! What is made from the command line's own description: shell completions and
//! manual pages.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::{Args, Command, CommandFactory as _};
use clap_complete::Shell;

use super::args::Cli;
use super::stdout;

pub(super) const COMPLETIONS_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect completions bash > ppsp-inspect.bash
  ppsp-inspect completions zsh > _ppsp-inspect
  ppsp-inspect completions fish > ppsp-inspect.fish

Put the file where your shell looks for completions, for example
~/.local/share/bash-completion/completions/ppsp-inspect for bash.";

pub(super) const MAN_AFTER_HELP: &str = "\
Examples:
  ppsp-inspect man > ppsp-inspect.1
  ppsp-inspect man -o man1

With -o every command gets a page of its own, as in ppsp-inspect-verify.1.";

/// What `completions` takes.
#[derive(Debug, Args)]
pub(super) struct CompletionsArgs {
    /// For which shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// What `man` takes.
#[derive(Debug, Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this directory, made where it is missing
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Prints a shell's completions.
pub(super) fn completions(args: &CompletionsArgs) -> Result<ExitCode> {
    let mut bytes = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "ppsp-inspect", &mut bytes);
    let mut out = stdout();
    out.write_all(&bytes)?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Prints or writes manual pages.
pub(super) fn man(args: &ManArgs) -> Result<ExitCode> {
    let mut command = Cli::command();
    command.build();
    let Some(folder) = &args.output else {
        let mut out = stdout();
        out.write_all(&page(&command, "ppsp-inspect")?)?;
        out.flush()?;
        return Ok(ExitCode::SUCCESS);
    };
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let count = write_pages(&command, "ppsp-inspect", folder)?;
    let mut out = stdout();
    writeln!(out, "{count} pages in {}", folder.display())?;
    out.flush()?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the pages of a command and those below it; their number.
fn write_pages(command: &Command, name: &str, folder: &Path) -> Result<usize> {
    let path = folder.join(format!("{name}.1"));
    fs::write(&path, page(command, name)?).with_context(|| path.display().to_string())?;
    let mut count = 1;
    for below in command.get_subcommands() {
        // What `help` takes has no page of its own.
        if below.get_name() != "help" && !below.is_hide_set() {
            count += write_pages(below, &format!("{name}-{}", below.get_name()), folder)?;
        }
    }
    Ok(count)
}

fn page(command: &Command, name: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let page = clap_mangen::Man::new(command.clone()).title(name);
    page.render(&mut bytes)?;
    Ok(bytes)
}
