//! Where an injector's stream comes from: a file, standard input, a TCP
//! connection, an HTTP server.

use std::fs::File;
use std::io::{self, Read};
use std::net::TcpStream;
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// Chunks that are read ahead.
const AHEAD: usize = 256;

/// Why a stream can't be read.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {cause}")]
pub struct SourceError {
    /// The source, as it was named.
    pub name: String,
    /// Why.
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// What a source has.
#[derive(Debug)]
pub enum Next {
    /// A chunk; all but the last one are full.
    Chunk(Vec<u8>),
    /// Nothing yet.
    Wait,
    /// The stream has ended, or broken off.
    End(Result<(), SourceError>),
}

/// A stream that is read in a thread of its own, so that a slow one holds
/// nobody up.
#[derive(Debug)]
pub struct Source {
    chunks: Receiver<Result<Vec<u8>, SourceError>>,
}

impl Source {
    /// Opens a stream by its name: a path, `-`, `tcp://HOST:PORT` or
    /// `http://…`. `pace` is how many bytes a second are read at most.
    ///
    /// # Errors
    /// When it can't be opened.
    pub fn open(name: &str, chunk_size: usize, pace: Option<u64>) -> Result<Self, SourceError> {
        let reader = open(name).map_err(|cause| SourceError {
            name: name.to_owned(),
            cause,
        })?;
        let (sender, chunks) = sync_channel(AHEAD);
        let name = name.to_owned();
        thread::spawn(move || read(reader, &name, chunk_size, pace, &sender));
        Ok(Self { chunks })
    }

    /// What comes next, without waiting for it.
    pub fn next_chunk(&self) -> Next {
        match self.chunks.try_recv() {
            Ok(Ok(chunk)) => Next::Chunk(chunk),
            Ok(Err(error)) => Next::End(Err(error)),
            Err(TryRecvError::Empty) => Next::Wait,
            Err(TryRecvError::Disconnected) => Next::End(Ok(())),
        }
    }
}

type Reader = Box<dyn Read + Send>;

fn open(name: &str) -> Result<Reader, Box<dyn std::error::Error + Send + Sync>> {
    if name == "-" {
        return Ok(Box::new(io::stdin()));
    }
    if let Some(address) = name.strip_prefix("tcp://") {
        return Ok(Box::new(TcpStream::connect(address)?));
    }
    if name.starts_with("http://") {
        let answer = ureq::get(name).call()?;
        return Ok(Box::new(answer.into_body().into_reader()));
    }
    Ok(Box::new(File::open(Path::new(name))?))
}

/// Cuts a stream into chunks until it ends or nobody listens.
fn read(
    mut reader: Reader,
    name: &str,
    chunk_size: usize,
    pace: Option<u64>,
    chunks: &SyncSender<Result<Vec<u8>, SourceError>>,
) {
    let began = Instant::now();
    let mut total = 0u64;
    loop {
        let mut chunk = Vec::with_capacity(chunk_size);
        let mut part = (&mut reader).take(chunk_size as u64);
        let failed = part.read_to_end(&mut chunk).err();
        let is_last = chunk.len() < chunk_size;
        total += chunk.len() as u64;
        if !chunk.is_empty() && chunks.send(Ok(chunk)).is_err() {
            return;
        }
        if let Some(cause) = failed {
            let error = SourceError {
                name: name.to_owned(),
                cause: cause.into(),
            };
            // Nobody may be left to hear it.
            let _ = chunks.send(Err(error));
            return;
        }
        if is_last {
            return;
        }
        if let Some(pace) = pace {
            let due = Duration::from_micros(total.saturating_mul(1_000_000) / pace.max(1));
            thread::sleep(due.saturating_sub(began.elapsed()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;

    use super::*;

    fn all(source: &Source) -> Vec<Vec<u8>> {
        let mut chunks = Vec::new();
        loop {
            match source.next_chunk() {
                Next::Chunk(chunk) => chunks.push(chunk),
                Next::Wait => thread::sleep(Duration::from_millis(1)),
                Next::End(end) => {
                    end.expect("a sound stream");
                    return chunks;
                }
            }
        }
    }

    #[test]
    fn a_file_comes_in_full_chunks_and_a_rest() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(&[7; 2500]).expect("written");
        let name = file.path().to_str().expect("text").to_owned();
        let lengths: Vec<usize> = all(&Source::open(&name, 1000, None).expect("open"))
            .iter()
            .map(Vec::len)
            .collect();
        assert_eq!(lengths, [1000, 1000, 500]);
    }

    #[test]
    fn servers_are_read_from_by_tcp_and_http() {
        for (scheme, head) in [
            ("tcp", &b""[..]),
            ("http", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n"),
        ] {
            let server = TcpListener::bind("127.0.0.1:0").expect("a port");
            let name = format!("{scheme}://{}", server.local_addr().expect("bound"));
            let answers = thread::spawn(move || {
                let (mut stream, _) = server.accept().expect("a client");
                if !head.is_empty() {
                    let mut request = [0; 4096];
                    let _ = stream.read(&mut request).expect("a request");
                }
                stream.write_all(head).expect("sent");
                stream.write_all(&[9; 1500]).expect("sent");
            });
            let chunks = all(&Source::open(&name, 1000, None).expect("open"));
            answers.join().expect("answered");
            assert_eq!(chunks, [vec![9; 1000], vec![9; 500]], "{scheme}");
        }
    }

    #[test]
    fn what_is_not_there_is_named() {
        let error = Source::open("/nowhere/at-all", 10, None).expect_err("nothing there");
        assert!(error.to_string().starts_with("/nowhere/at-all: "));
    }
}
