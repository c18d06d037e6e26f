//! Real targets that connect to us: such that we start, and such that others do.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::invitation::{Fate, Invitation};
use super::program::Program;
use crate::peer::engine::Moment;
use crate::probe::net::{Arrival, Net, Port, UdpNet, UsedPorts};

/// How long a target may take to end that was asked to.
const GRACE: Duration = Duration::from_millis(400);

/// The file of the content in the target's folder.
const OUTPUT: &str = "content";

/// The exit status of a Rust program that has panicked.
const PANICKED: i32 = 101;

/// Where the target comes from.
#[derive(Clone, Debug)]
pub enum Expecting {
    /// We start it by this command, with the placeholders of [`ServingNet`].
    Command(String),
    /// Others start it; this tells them where we are.
    Others(fn(&Invitation)),
}

/// Real sockets, at which a target is expected. In the command `{addr}`, `{host}`,
/// `{port}`, `{swarm}`, `{chunk-size}`, `{length}`, `{hash}`, `{output}`,
/// `{listen}` and `{listen-port}` are filled in, and `{folder}`, an empty folder for each target, in
/// which `{output}` is a file that is not there yet.
#[derive(Debug)]
pub struct ServingNet {
    udp: UdpNet,
    used: UsedPorts,
    expecting: Expecting,
    /// The target. Its folder is empty for each: what is there would be gone on with.
    program: Option<Program>,
    /// Its standard error.
    errors: Option<File>,
}

impl ServingNet {
    /// A net whose first port is at an address, which is to be a certain one. It and
    /// its targets use no port that others have used: one that is free now may be
    /// taken when the target has started.
    pub fn at(address: SocketAddr, expecting: Expecting, used: &UsedPorts) -> Self {
        Self {
            udp: UdpNet::at(address, used),
            used: used.clone(),
            expecting,
            program: None,
            errors: None,
        }
    }

    /// The last line that the target has written on standard error.
    fn last_words(&mut self) -> Option<String> {
        let errors = self.errors.as_mut()?;
        let length = errors.seek(SeekFrom::End(0)).ok()?;
        let from = length.saturating_sub(LAST_WORDS);
        errors.seek(SeekFrom::Start(from)).ok()?;
        let mut text = Vec::new();
        errors.take(LAST_WORDS).read_to_end(&mut text).ok()?;
        last_line(&text)
    }

    /// The command for an invitation, and the folder that it names.
    fn fill(
        &self,
        template: &str,
        invitation: &Invitation,
    ) -> io::Result<(String, Option<TempDir>)> {
        let mut command = template.to_owned();
        let mut fill = |name: &str, value: &dyn Fn() -> io::Result<String>| {
            let placeholder = format!("{{{name}}}");
            if command.contains(&placeholder) {
                command = command.replace(&placeholder, &value()?);
            }
            Ok::<(), io::Error>(())
        };
        let (address, swarm) = (invitation.address, &invitation.swarm);
        fill("addr", &|| Ok(address.to_string()))?;
        fill("host", &|| Ok(address.ip().to_string()))?;
        fill("port", &|| Ok(address.port().to_string()))?;
        fill("swarm", &|| Ok(hexadecimal(&swarm.id)))?;
        fill("chunk-size", &|| Ok(swarm.chunk_size.to_string()))?;
        fill("length", &|| {
            Ok(invitation.length.unwrap_or_default().to_string())
        })?;
        fill("hash", &|| {
            let name = swarm.hash_function.to_string();
            Ok(name.to_lowercase().replace('-', ""))
        })?;
        let free = self.used.unused(address.ip())?.local_addr()?;
        fill("listen", &|| Ok(free.to_string()))?;
        fill("listen-port", &|| Ok(free.port().to_string()))?;
        if !command.contains("{output}") && !command.contains("{folder}") {
            return Ok((command, None));
        }
        let folder = tempfile::tempdir()?;
        let output = folder.path().join(OUTPUT).display().to_string();
        command = command.replace("{output}", &output);
        command = command.replace("{folder}", &folder.path().display().to_string());
        Ok((command, Some(folder)))
    }
}

/// Bytes of the end of standard error that are looked at, and characters of its
/// last line that are told.
const LAST_WORDS: u64 = 4096;
const TOLD: usize = 200;

/// The last line that says something.
fn last_line(text: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(text);
    let mut lines = text.lines().rev().map(str::trim);
    let line = lines.find(|line| !line.is_empty())?;
    let shown = line.chars().filter(|it| !it.is_control());
    Some(shown.take(TOLD).collect())
}

/// Bytes as digits.
pub(in crate::probe) fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

impl Net for ServingNet {
    fn now(&self) -> Moment {
        self.udp.now()
    }

    fn open(&mut self) -> io::Result<Port> {
        self.udp.open()
    }

    fn address(&self, port: Port) -> SocketAddr {
        self.udp.address(port)
    }

    fn send(&mut self, port: Port, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        self.udp.send(port, to, datagram)
    }

    fn receive(&mut self, until: Moment) -> io::Result<Option<Arrival>> {
        self.udp.receive(until)
    }

    fn close_all(&mut self) {
        self.udp.close_all();
    }

    fn invite(&mut self, invitation: &Invitation) -> io::Result<()> {
        self.dismiss();
        match &self.expecting {
            Expecting::Others(tell) => tell(invitation),
            Expecting::Command(template) => {
                let (command, folder) = self.fill(template, invitation)?;
                let errors = tempfile::tempfile()?;
                let program = Program::start(&command, errors.try_clone()?.into(), folder);
                self.program = Some(program.map_err(|error| {
                    io::Error::new(error.kind(), format!("--exec {command}: {error}"))
                })?);
                self.errors = Some(errors);
            }
        }
        Ok(())
    }

    fn takes_other_content(&self) -> bool {
        matches!(self.expecting, Expecting::Command(_))
    }

    fn fate(&mut self) -> Fate {
        let Some(program) = &mut self.program else {
            return Fate::Unknown;
        };
        match program.status() {
            Ok(None) => Fate::Runs,
            Ok(Some(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => Fate::Crashed(format!("it was ended by signal {signal}")),
                (_, Some(PANICKED)) => Fate::Crashed("it has panicked".to_owned()),
                (_, code) => {
                    let code = code.filter(|code| *code != 0);
                    let code = code.map(|code| format!(" with exit status {code}"));
                    let code = code.unwrap_or_default();
                    Fate::Ended(match self.last_words() {
                        Some(words) => format!("it has ended{code} ({words})"),
                        None => format!("it has ended{code}"),
                    })
                }
            },
            Err(_) => Fate::Unknown,
        }
    }

    fn output(&mut self) -> Option<Vec<u8>> {
        // What is not written yet is so when it ends.
        let until = Instant::now() + GRACE;
        while self.fate() == Fate::Runs && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(10));
        }
        let folder = self.program.as_ref()?.folder()?;
        if let Ok(bytes) = std::fs::read(folder.join(OUTPUT)) {
            return Some(bytes);
        }
        // Some choose the name; what they keep beside it has another ending.
        let files = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
        let mut names: Vec<PathBuf> = files
            .map(|file| file.path())
            .filter(|path| path.extension().is_none())
            .collect();
        names.sort();
        std::fs::read(names.first()?).ok()
    }

    fn dismiss(&mut self) {
        self.program = None;
        self.errors = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_that_says_something_is_told_without_what_moves_the_cursor() {
        assert_eq!(last_line(b""), None);
        assert_eq!(last_line(b"\n \n"), None);
        let noisy = b"one\n\x1b[31mno such file\xff\n\n";
        assert_eq!(
            last_line(noisy).as_deref(),
            Some("[31mno such file\u{fffd}")
        );
        let long = last_line(&[b'a'; 4096]).expect("a line");
        assert_eq!(long.len(), TOLD);
    }
}
