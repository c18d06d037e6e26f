//! Programs that we start. Each ends with all that it has started itself, also when
//! we are ended by a signal: no target may stay behind.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use tempfile::TempDir;

/// A program that runs, or has ended.
#[derive(Debug)]
pub struct Program {
    child: Child,
    /// How it has ended, once that is known.
    status: Option<ExitStatus>,
    /// A folder that is for it alone, and is removed after it.
    folder: Option<TempDir>,
}

/// The programs that run, each the leader of a process group of its number, and
/// their folders. A signal to end is for the whole process, and so is this list.
static RUNNING: Mutex<BTreeMap<u32, Option<PathBuf>>> = Mutex::new(BTreeMap::new());

fn running() -> MutexGuard<'static, BTreeMap<u32, Option<PathBuf>>> {
    RUNNING.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Program {
    /// Starts a program through the shell, which becomes the program.
    ///
    /// # Errors
    /// When there is no shell.
    pub fn start(command: &str, errors: Stdio, folder: Option<TempDir>) -> io::Result<Self> {
        // Whoever ends them all waits until this one is among them.
        let mut running = running();
        let child = Command::new("sh")
            .arg("-c")
            .arg(format!("exec {command}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(errors)
            .process_group(0)
            .spawn()?;
        let path = folder.as_ref().map(|folder| folder.path().to_owned());
        running.insert(child.id(), path);
        Ok(Self {
            child,
            status: None,
            folder,
        })
    }

    /// Its folder.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_ref().map(TempDir::path)
    }

    /// How it has ended, if it has; then what it has left running ends, too.
    ///
    /// # Errors
    /// When that can't be known.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        if self.status.is_none() && has_ended(self.child.id())? {
            self.end()?;
        }
        Ok(self.status)
    }

    /// Ends it, and whatever it has started.
    fn end(&mut self) -> io::Result<()> {
        if self.status.is_some() {
            return Ok(());
        }
        let mut running = running();
        // Its number stays its own until it is waited for.
        kill_group(self.child.id());
        let status = self.child.wait();
        running.remove(&self.child.id());
        self.status = Some(status?);
        Ok(())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Nothing more can be done where it can't be waited for.
        let _ = self.end();
    }
}

/// Ends all programs that run, and removes their folders. No other can be started
/// after: this is for who is about to end.
pub fn end_programs() {
    let mut running = running();
    for id in running.keys() {
        kill_group(*id);
    }
    while let Some((id, folder)) = running.pop_first() {
        if let Some(pid) = pid(id) {
            // It may be gone already. What it does until it is could fill the folder.
            let _ = waitid(
                WaitId::Pid(pid),
                WaitIdOptions::EXITED | WaitIdOptions::NOWAIT,
            );
        }
        if let Some(folder) = folder {
            // There is nobody left to tell.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
    std::mem::forget(running);
}

fn pid(id: u32) -> Option<Pid> {
    Pid::from_raw(i32::try_from(id).ok()?)
}

fn kill_group(id: u32) {
    if let Some(pid) = pid(id) {
        // There may be nobody in it any more.
        let _ = kill_process_group(pid, Signal::KILL);
    }
}

/// Whether a child of ours has ended. It is not waited for by that.
fn has_ended(id: u32) -> io::Result<bool> {
    let Some(pid) = pid(id) else {
        return Ok(true);
    };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    Ok(waitid(WaitId::Pid(pid), options)?.is_some())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    /// Waits until something is so.
    #[track_caller]
    fn soon(mut is_so: impl FnMut() -> bool) {
        let until = Instant::now() + Duration::from_secs(10);
        while !is_so() {
            assert!(Instant::now() < until, "it takes too long");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Whether there is a process of the number that a file holds.
    fn lives(file: &Path) -> bool {
        let text = std::fs::read_to_string(file).expect("the number");
        let id = text.trim().parse().expect("a number");
        let pid = Pid::from_raw(id).expect("one that can be");
        let status = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // One that nobody has waited for is dead all the same.
        rustix::process::test_kill_process(pid).is_ok() && !status.contains(") Z ")
    }

    fn with_a_child(folder: &Path, then: &str) -> Program {
        let file = folder.join("child");
        let command = format!(
            "sh -c 'sleep 60 & echo $! > {0}.new; mv {0}.new {0}; {then}'",
            file.display()
        );
        let program = Program::start(&command, Stdio::null(), None).expect("it starts");
        soon(|| file.exists());
        program
    }

    #[test]
    fn what_a_program_has_started_ends_with_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let program = with_a_child(folder.path(), "wait");
        let child = folder.path().join("child");
        assert!(lives(&child));
        drop(program);
        soon(|| !lives(&child));
    }

    #[test]
    fn what_a_program_leaves_running_ends_when_it_is_known_to_have_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut program = with_a_child(folder.path(), "exit 3");
        soon(|| program.status().expect("a status").is_some());
        let status = program.status().expect("a status").expect("an end");
        assert_eq!(status.code(), Some(3));
        soon(|| !lives(&folder.path().join("child")));
    }

    #[test]
    fn its_folder_is_there_as_long_as_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().to_owned();
        let program = Program::start("sleep 60", Stdio::null(), Some(folder)).expect("it starts");
        assert_eq!(program.folder(), Some(path.as_path()));
        assert!(path.exists());
        drop(program);
        assert!(!path.exists());
    }
}
