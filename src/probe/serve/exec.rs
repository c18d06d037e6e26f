//! Real targets that connect to us: such that we start, and such that others do.

use std::fmt::Write as _;
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::invitation::{Fate, Invitation};
use crate::peer::engine::Moment;
use crate::probe::net::{Arrival, Net, Port, UdpNet};

/// How long a target may take to end that was asked to.
const GRACE: Duration = Duration::from_millis(400);

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
/// `{port}`, `{swarm}`, `{chunk-size}`, `{length}`, `{hash}`, `{output}` and
/// `{listen}` are filled in.
#[derive(Debug)]
pub struct ServingNet {
    udp: UdpNet,
    expecting: Expecting,
    child: Option<Child>,
    /// Where the target writes what it fetches.
    folder: Option<tempfile::TempDir>,
    output: Option<PathBuf>,
    count: u32,
}

impl ServingNet {
    /// A net whose first port is at an address, which is to be a certain one.
    pub fn at(address: SocketAddr, expecting: Expecting) -> Self {
        Self {
            udp: UdpNet::at(address),
            expecting,
            child: None,
            folder: None,
            output: None,
            count: 0,
        }
    }

    /// The command for an invitation.
    fn fill(&mut self, template: &str, invitation: &Invitation) -> io::Result<String> {
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
        fill("listen", &|| {
            let free = UdpSocket::bind((address.ip(), 0))?;
            Ok(free.local_addr()?.to_string())
        })?;
        if command.contains("{output}") {
            let folder = match &self.folder {
                Some(folder) => folder,
                None => self.folder.insert(tempfile::tempdir()?),
            };
            self.count += 1;
            let output = folder.path().join(format!("content-{}", self.count));
            command = command.replace("{output}", &output.display().to_string());
            self.output = Some(output);
        }
        Ok(command)
    }
}

/// Bytes as digits.
pub(in crate::probe) fn hexadecimal(bytes: &[u8]) -> String {
    let mut digits = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        let _ = write!(digits, "{byte:02x}");
    }
    digits
}

/// Starts a program through the shell, which becomes the program, so that it is
/// that which is ended.
///
/// # Errors
/// When there is no shell.
pub fn spawn(command: &str) -> io::Result<Child> {
    Command::new("sh")
        .arg("-c")
        .arg(format!("exec {command}"))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
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
        match &mut self.expecting {
            Expecting::Others(tell) => tell(invitation),
            Expecting::Command(template) => {
                let template = template.clone();
                let command = self.fill(&template, invitation)?;
                let child = spawn(&command);
                self.child = Some(child.map_err(|error| {
                    io::Error::new(error.kind(), format!("--exec {command}: {error}"))
                })?);
            }
        }
        Ok(())
    }

    fn takes_other_content(&self) -> bool {
        matches!(self.expecting, Expecting::Command(_))
    }

    fn fate(&mut self) -> Fate {
        let Some(child) = &mut self.child else {
            return Fate::Unknown;
        };
        match child.try_wait() {
            Ok(None) => Fate::Runs,
            Ok(Some(status)) => match (status.signal(), status.code()) {
                (Some(signal), _) => Fate::Crashed(format!("it was ended by signal {signal}")),
                (_, Some(PANICKED)) => Fate::Crashed("it has panicked".to_owned()),
                _ => Fate::Ended,
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
        let output = self.output.as_ref()?;
        let inside = std::fs::read_dir(output).ok();
        let file = match inside {
            // Some take a folder, and name the file by its hash.
            Some(files) => files
                .filter_map(Result::ok)
                .map(|file| file.path())
                .filter(|path| path.extension().is_none())
                .max()?,
            None => output.clone(),
        };
        std::fs::read(file).ok()
    }

    fn dismiss(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself.
            let _ = child.kill();
            let _ = child.wait();
        }
        if let Some(output) = self.output.take() {
            let _ = std::fs::remove_file(&output);
            let _ = std::fs::remove_dir_all(&output);
        }
    }
}

impl Drop for ServingNet {
    fn drop(&mut self) {
        self.dismiss();
    }
}
