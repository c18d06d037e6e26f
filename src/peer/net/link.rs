//! A UDP socket that takes and gives many datagrams at once.

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::time::Duration;

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Bytes that one receive buffer holds: a whole batch that the kernel has put
/// together.
const RECEIVED: usize = 64 * 1024;

/// Bytes that are handed to the kernel at once.
const SENT: usize = 60 * 1024;

/// Datagrams of fewer bytes are not put together with others.
const SMALL: usize = 512;

/// Bytes that the kernel is asked to hold for us.
const SOCKET_BUFFER: usize = 4 * 1024 * 1024;

/// Why a socket can't be used.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// It can't be opened.
    #[error("can't listen on {address}: {cause}; --listen takes another address")]
    Listen {
        /// On which address.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: io::Error,
    },
    /// It no longer works.
    #[error("the socket on {address} fails: {cause}")]
    Broken {
        /// On which address.
        address: SocketAddr,
        /// Why.
        #[source]
        cause: io::Error,
    },
}

/// To whom datagrams are handed to the kernel several at once, to be cut apart
/// as late as possible (UDP segmentation offload). Sending costs half as much
/// then, but a capture on the sending host shows them as one long datagram.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Offload {
    /// To nobody: a capture shows each datagram.
    #[default]
    Never,
    /// To peers on this host: elsewhere the network is slower than sending.
    Loopback,
    /// To everybody.
    Always,
}

impl Offload {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Never, Self::Loopback, Self::Always];

    /// The name on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Never => "never",
            Self::Loopback => "loopback",
            Self::Always => "always",
        }
    }

    /// Whether it is for this peer.
    const fn is_for(self, peer: SocketAddr) -> bool {
        match self {
            Self::Never => false,
            Self::Loopback => peer.ip().to_canonical().is_loopback(),
            Self::Always => true,
        }
    }
}

/// Datagrams to one peer that are sent with one call.
#[derive(Debug, Default)]
struct Outgoing {
    destination: Option<SocketAddr>,
    bytes: Vec<u8>,
    /// Bytes of each datagram but the last, which may have fewer.
    segment: usize,
    /// Whether a shorter one ended it.
    is_ended: bool,
    count: usize,
}

/// A UDP socket.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    socket: UdpSocket,
    state: UdpSocketState,
    buffers: Vec<u8>,
    outgoing: Outgoing,
    offload: Offload,
    /// Datagrams that the system refused to send.
    refused: u64,
}

impl Link {
    /// Opens a socket.
    ///
    /// # Errors
    /// When the address can't be had.
    pub fn open(address: SocketAddr) -> Result<Self, LinkError> {
        let open = || {
            let socket = UdpSocket::bind(address)?;
            let state = UdpSocketState::new((&socket).into())?;
            // What is not granted costs speed only.
            let _ = state.set_recv_buffer_size((&socket).into(), SOCKET_BUFFER);
            let _ = state.set_send_buffer_size((&socket).into(), SOCKET_BUFFER);
            let address = socket.local_addr()?;
            Ok((socket, state, address))
        };
        let (socket, state, address) =
            open().map_err(|cause| LinkError::Listen { address, cause })?;
        Ok(Self {
            address,
            socket,
            state,
            buffers: vec![0; RECEIVED * BATCH_SIZE],
            outgoing: Outgoing::default(),
            offload: Offload::default(),
            refused: 0,
        })
    }

    /// The same, with datagrams put together for these peers.
    #[must_use]
    pub const fn with_offload(mut self, offload: Offload) -> Self {
        self.offload = offload;
        self
    }

    /// The address that it has.
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Datagrams that the system refused to send.
    pub const fn refused(&self) -> u64 {
        self.refused
    }

    /// Gives the datagrams that are there to `take`: from where, to which address
    /// of ours where the system tells, and what is in it. How many there were.
    ///
    /// # Errors
    /// When the socket no longer works.
    pub fn receive(
        &mut self,
        mut take: impl FnMut(SocketAddr, Option<IpAddr>, &[u8]),
    ) -> Result<usize, LinkError> {
        let mut metas = [RecvMeta::default(); BATCH_SIZE];
        let received = {
            let mut slices: Vec<_> = self
                .buffers
                .chunks_mut(RECEIVED)
                .map(IoSliceMut::new)
                .collect();
            self.state
                .recv((&self.socket).into(), &mut slices, &mut metas)
        };
        let received = match received {
            Ok(received) => received,
            Err(error) if is_passing(&error) => return Ok(0),
            Err(cause) => {
                return Err(LinkError::Broken {
                    address: self.address,
                    cause,
                });
            }
        };
        let mut count = 0;
        for (meta, buffer) in metas
            .iter()
            .zip(self.buffers.chunks(RECEIVED))
            .take(received)
        {
            let bytes = buffer.get(..meta.len).unwrap_or_default();
            for datagram in bytes.chunks(meta.stride.max(1)) {
                count += 1;
                take(meta.addr, meta.dst_ip, datagram);
            }
        }
        Ok(count)
    }

    /// Sends a datagram, now or with the next [`Link::flush`].
    ///
    /// # Errors
    /// When the socket no longer works.
    pub fn send(&mut self, destination: SocketAddr, datagram: &[u8]) -> Result<(), LinkError> {
        let most = self.state.max_gso_segments();
        let outgoing = &self.outgoing;
        // Small ones are few, and easier to read apart in a capture.
        let fits = outgoing.destination == Some(destination)
            && self.offload.is_for(destination)
            && datagram.len() >= SMALL
            && !outgoing.is_ended
            && datagram.len() <= outgoing.segment
            && outgoing.count < most
            && outgoing.bytes.len() + datagram.len() <= SENT;
        if !fits {
            self.flush()?;
            self.outgoing.destination = Some(destination);
            self.outgoing.segment = datagram.len();
        }
        let outgoing = &mut self.outgoing;
        outgoing.is_ended = datagram.len() < outgoing.segment;
        outgoing.count += 1;
        outgoing.bytes.extend_from_slice(datagram);
        Ok(())
    }

    /// Sends what is left to be sent.
    ///
    /// # Errors
    /// When the socket no longer works.
    pub fn flush(&mut self) -> Result<(), LinkError> {
        let Some(destination) = self.outgoing.destination.take() else {
            return Ok(());
        };
        let segment = self.outgoing.segment;
        let bytes = std::mem::take(&mut self.outgoing.bytes);
        let result = self.send_all(destination, &bytes, segment);
        self.outgoing = Outgoing {
            bytes,
            ..Outgoing::default()
        };
        self.outgoing.bytes.clear();
        result
    }

    fn send_all(
        &mut self,
        destination: SocketAddr,
        bytes: &[u8],
        segment: usize,
    ) -> Result<(), LinkError> {
        loop {
            let transmit = Transmit {
                destination,
                ecn: None,
                contents: bytes,
                segment_size: (bytes.len() > segment).then_some(segment),
                src_ip: None,
            };
            match self.state.try_send((&self.socket).into(), &transmit) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.wait(Duration::from_millis(10), PollFlags::OUT)?;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Nobody there, no way there, too long for it: as good as lost.
                Err(_) => {
                    self.refused += bytes.len().div_ceil(segment.max(1)) as u64;
                    return Ok(());
                }
            }
        }
    }

    /// Waits until a datagram has come, `most` at most.
    ///
    /// # Errors
    /// When the socket no longer works.
    pub fn wait_for_datagram(&self, most: Duration) -> Result<(), LinkError> {
        self.wait(most, PollFlags::IN)
    }

    fn wait(&self, most: Duration, what: PollFlags) -> Result<(), LinkError> {
        let most = Timespec::try_from(most).ok();
        let mut polled = [PollFd::new(&self.socket, what)];
        match poll(&mut polled, most.as_ref()) {
            // A signal is a reason to look what is to be done.
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(cause) => Err(LinkError::Broken {
                address: self.address,
                cause: cause.into(),
            }),
        }
    }
}

/// Whether an error says nothing about the socket: nothing there, or what was
/// sent before found nobody.
pub(crate) fn is_passing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::WouldBlock
            | io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::NetworkUnreachable
    )
}
