//! The commands of `peer`: which room does what. No logic of its own.

use std::io::Write as _;
use std::process::ExitCode;

use anyhow::Result;
use ppspp_dissector::wire::SignatureAlgorithm;

use super::peer_args::{IdArgs, KeygenArgs, PeerArgs, PeerCommand, PrintArgs};
use super::{USAGE, complain, stdout, style};
use super::{live, transfer};
use crate::output::{KeySummary, write_key, write_key_json};
use crate::peer::keys::{KeyError, SigningKey, read_key_file, write_key_file};

/// Runs a command of `peer`.
pub(super) fn run(args: &PeerArgs) -> Result<ExitCode> {
    match &args.command {
        PeerCommand::Seed(args) => transfer::seed(args),
        PeerCommand::Leech(args) => transfer::leech(args),
        PeerCommand::Inject(args) => live::inject(args),
        PeerCommand::View(args) => live::view(args),
        PeerCommand::Keygen(args) => keygen(args),
        PeerCommand::Id(args) => id(args),
    }
}

fn keygen(args: &KeygenArgs) -> Result<ExitCode> {
    let algorithm = SignatureAlgorithm::from(args.algorithm);
    let key = match SigningKey::generate(algorithm, args.bits) {
        Err(error @ KeyError::BitsWithoutRsa(_)) => {
            complain(format_args!("--bits: {error}"));
            return Ok(ExitCode::from(USAGE));
        }
        other => other?,
    };
    write_key_file(&args.output, &key, args.force)?;
    print(&key, &args.output.display().to_string(), &args.print)
}

fn id(args: &IdArgs) -> Result<ExitCode> {
    let key = read_key_file(&args.file, args.key.algorithm())?;
    print(&key, &args.file.display().to_string(), &args.print)
}

fn print(key: &SigningKey, file: &str, args: &PrintArgs) -> Result<ExitCode> {
    let summary = KeySummary { key, file };
    let mut out = stdout();
    if args.json {
        write_key_json(&mut out, &summary)?;
    } else {
        write_key(&mut out, &summary, style(args.color))?;
    }
    out.flush()?;
    if let Some(weakness) = key.weakness() {
        complain(format_args!("{weakness}"));
    }
    Ok(ExitCode::SUCCESS)
}
