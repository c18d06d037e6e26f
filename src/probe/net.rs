//! What the prober talks through: real UDP here, virtual time in
//! [`simulated`](super::simulated).

use std::collections::HashSet;
use std::fmt::Debug;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use super::serve::{Fate, Invitation};
use crate::peer::engine::Moment;
use crate::peer::net::{Clock, is_passing};

/// Bytes of the longest datagram.
const LONGEST: usize = 64 * 1024;

/// One of our addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Port(pub(super) usize);

/// A datagram that has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// When.
    pub at: Moment,
    /// Where to.
    pub port: Port,
    /// Where from.
    pub source: SocketAddr,
    /// What.
    pub bytes: Vec<u8>,
}

/// Datagrams and time. Two exist: sockets and the clock, and a network in
/// virtual time, on which a case against our own engine is the same each time.
pub trait Net: Debug {
    /// Now. It never goes back.
    fn now(&self) -> Moment;

    /// Opens another address of ours.
    ///
    /// # Errors
    /// When there is none to be had.
    fn open(&mut self) -> io::Result<Port>;

    /// The address of a port.
    fn address(&self, port: Port) -> SocketAddr;

    /// Sends a datagram. What the network refuses is as good as lost.
    ///
    /// # Errors
    /// When the port no longer works.
    fn send(&mut self, port: Port, to: SocketAddr, datagram: &[u8]) -> io::Result<()>;

    /// Waits for a datagram at any port, until a moment at most.
    ///
    /// # Errors
    /// When a port no longer works.
    fn receive(&mut self, until: Moment) -> io::Result<Option<Arrival>>;

    /// Gives up all ports.
    fn close_all(&mut self);

    /// Has a target started that is to connect to us, or tells whoever does that;
    /// one that was started before is ended.
    ///
    /// # Errors
    /// When it can't be started, or this net is not for such targets.
    fn invite(&mut self, _invitation: &Invitation) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Whether the target can be invited to any content.
    fn takes_other_content(&self) -> bool {
        false
    }

    /// What has become of the target that was invited.
    fn fate(&mut self) -> Fate {
        Fate::Unknown
    }

    /// The content as the target has written it, where that can be known.
    fn output(&mut self) -> Option<Vec<u8>> {
        None
    }

    /// Ends the target that was invited.
    fn dismiss(&mut self) {}
}

/// Ports that were ours already. A target may remember whom it has talked with by
/// the address alone, so that a new case needs one that is new to it.
#[derive(Clone, Debug, Default)]
pub struct UsedPorts(Arc<Mutex<HashSet<u16>>>);

/// Sockets that are looked at for a port that was not used before.
const LOOKED_AT: usize = 64;

impl UsedPorts {
    /// A socket at a port that was not ours before, if there is one to be had.
    pub(super) fn unused(&self, ours: IpAddr) -> io::Result<UdpSocket> {
        // Those that were used stay bound until there is another.
        let mut passed = Vec::new();
        loop {
            let socket = UdpSocket::bind((ours, 0))?;
            let port = socket.local_addr()?.port();
            let mut used = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if used.insert(port) || passed.len() == LOOKED_AT {
                return Ok(socket);
            }
            passed.push(socket);
        }
    }
}

/// Real sockets.
#[derive(Debug)]
pub struct UdpNet {
    target: SocketAddr,
    used: UsedPorts,
    /// Where the first port is to be, for those that come to us.
    ours: Option<SocketAddr>,
    clock: Clock,
    sockets: Vec<Option<(UdpSocket, SocketAddr)>>,
    /// Those before are closed: a flood is not to look at all of them each time.
    first_open: usize,
    buffer: Vec<u8>,
    /// Where the next look for datagrams begins: no port is to starve.
    next: usize,
}

impl UdpNet {
    /// A net from whose ports a target can be reached.
    pub fn towards(target: SocketAddr) -> Self {
        Self::beside(target, &UsedPorts::default())
    }

    /// The same without ports that others have used.
    pub fn beside(target: SocketAddr, used: &UsedPorts) -> Self {
        Self {
            target,
            used: used.clone(),
            ours: None,
            clock: Clock::default(),
            sockets: Vec::new(),
            first_open: 0,
            buffer: vec![0; LONGEST],
            next: 0,
        }
    }

    /// A net at an address of ours: the first port that is opened is there, the
    /// others on the same host, and none is one that others have used.
    pub fn at(address: SocketAddr, used: &UsedPorts) -> Self {
        Self {
            ours: Some(address),
            ..Self::beside(address, used)
        }
    }

    /// Where the next port is to be.
    fn place(&self) -> io::Result<SocketAddr> {
        if let Some(ours) = self.ours {
            let is_first = self.sockets.iter().all(Option::is_none);
            return Ok(if is_first {
                ours
            } else {
                (ours.ip(), 0).into()
            });
        }
        Ok((self.our_ip()?, 0).into())
    }

    /// The address of ours from which the target can be reached.
    ///
    /// # Errors
    /// When there is no way to it.
    pub fn our_ip(&self) -> io::Result<IpAddr> {
        let any: SocketAddr = match self.target {
            SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        // Connecting asks the system's routes, and sends nothing.
        let socket = UdpSocket::bind(any)?;
        socket.connect(self.target)?;
        Ok(socket.local_addr()?.ip())
    }

    fn look(&mut self) -> io::Result<Option<Arrival>> {
        let count = self.sockets.len() - self.first_open;
        for step in 0..count {
            let index = self.first_open + (self.next + step) % count;
            let Some((socket, _)) = &self.sockets[index] else {
                continue;
            };
            match socket.recv_from(&mut self.buffer) {
                Ok((length, source)) => {
                    self.next = index + 1 - self.first_open;
                    return Ok(Some(Arrival {
                        at: self.clock.now(),
                        port: Port(index),
                        source,
                        bytes: self.buffer.get(..length).unwrap_or_default().to_vec(),
                    }));
                }
                Err(error) if is_passing(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

impl Net for UdpNet {
    fn now(&self) -> Moment {
        self.clock.now()
    }

    fn open(&mut self) -> io::Result<Port> {
        let place = self.place()?;
        let socket = if place.port() == 0 {
            self.used.unused(place.ip())?
        } else {
            UdpSocket::bind(place)?
        };
        socket.set_nonblocking(true)?;
        let address = socket.local_addr()?;
        self.sockets.push(Some((socket, address)));
        Ok(Port(self.sockets.len() - 1))
    }

    fn address(&self, port: Port) -> SocketAddr {
        let open = self.sockets.get(port.0).and_then(Option::as_ref);
        open.map_or_else(
            || (Ipv4Addr::UNSPECIFIED, 0).into(),
            |(_, address)| *address,
        )
    }

    fn send(&mut self, port: Port, to: SocketAddr, datagram: &[u8]) -> io::Result<()> {
        let Some((socket, _)) = self.sockets.get(port.0).and_then(Option::as_ref) else {
            return Ok(());
        };
        match socket.send_to(datagram, to) {
            Ok(_) => Ok(()),
            // The last datagram found nobody, or this one is too long for the way.
            Err(error) if is_passing(&error) => Ok(()),
            Err(error) if error.raw_os_error() == Some(Errno::MSGSIZE.raw_os_error()) => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn receive(&mut self, until: Moment) -> io::Result<Option<Arrival>> {
        loop {
            // A target that floods must not hold us beyond the time.
            let left = until.since(self.clock.now());
            if left.is_zero() {
                return Ok(None);
            }
            if let Some(arrival) = self.look()? {
                return Ok(Some(arrival));
            }
            let sockets = self.sockets[self.first_open..].iter().flatten();
            let mut polled: Vec<_> = sockets
                .map(|(socket, _)| PollFd::new(socket, PollFlags::IN))
                .collect();
            let most = left
                .min(Duration::from_secs(1))
                .max(Duration::from_micros(50));
            let most = Timespec::try_from(most).ok();
            match poll(&mut polled, most.as_ref()) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn close_all(&mut self) {
        for socket in &mut self.sockets[self.first_open..] {
            *socket = None;
        }
        self.first_open = self.sockets.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_port_is_used_twice_also_by_nets_beside_each_other() {
        let target = (Ipv4Addr::LOCALHOST, 9).into();
        let used = UsedPorts::default();
        let mut nets = [UdpNet::beside(target, &used), UdpNet::beside(target, &used)];
        let mut seen = HashSet::new();
        for round in 0..600 {
            let net = &mut nets[round % 2];
            let port = net.open().expect("a port");
            assert!(seen.insert(net.address(port).port()), "round {round}");
            net.close_all();
        }
    }
}
