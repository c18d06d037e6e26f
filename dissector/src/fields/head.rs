//! The fields of a datagram that is not decoded.

use std::net::SocketAddr;
use std::ops::ControlFlow;

use super::value::{Frame, Value, Values};
use super::{FieldId, Level};
use crate::session::{Datagram, Transport};

/// Knows the fields of [`Level::Head`].
#[derive(Clone, Copy, Debug)]
pub struct HeadValues<'r, 'a> {
    datagram: &'r Datagram<'a>,
    frame: Frame<'r>,
}

impl<'r, 'a> HeadValues<'r, 'a> {
    /// The fields of this datagram in this frame.
    pub const fn new(datagram: &'r Datagram<'a>, frame: Frame<'r>) -> Self {
        Self { datagram, frame }
    }

    /// The two addresses, the source first, where IPv6 or not carried them.
    fn addresses(&self, ipv6: bool) -> Option<[SocketAddr; 2]> {
        let both = [self.datagram.source, self.datagram.destination];
        (both[0].is_ipv6() == ipv6).then_some(both)
    }

    /// The same by what carried the datagram.
    fn ends(&self, transport: Transport) -> Option<[SocketAddr; 2]> {
        let both = [self.datagram.source, self.datagram.destination];
        (self.datagram.transport == transport).then_some(both)
    }
}

impl Values for HeadValues<'_, '_> {
    fn level(&self) -> Level {
        Level::Head
    }

    fn messages(&self) -> usize {
        0
    }

    #[inline]
    fn visit(
        &self,
        field: FieldId,
        _: Option<usize>,
        visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let (datagram, frame) = (self.datagram, self.frame);
        let number = |number: u64| Some(Value::Number(number.into()));
        let address = |end: SocketAddr| Value::Address(end.ip());
        let port = |end: SocketAddr| Value::Number(end.port().into());
        let all = |ends: Option<[SocketAddr; 2]>,
                   of: fn(SocketAddr) -> Value<'static>,
                   visit: &mut dyn FnMut(Value<'_>) -> ControlFlow<()>| {
            let Some([source, destination]) = ends else {
                return ControlFlow::Continue(());
            };
            visit(of(source))?;
            visit(of(destination))
        };
        let fragments = |ipv6| {
            let fragmented = datagram.fragments > 1 && datagram.source.is_ipv6() == ipv6;
            fragmented.then_some(Value::Number(datagram.fragments.into()))
        };
        let present = |is: bool| is.then_some(Value::Present);
        let (udp, tcp) = (Transport::Udp, Transport::TcpFramed);
        let one = match field {
            FieldId::Frame => Some(Value::Present),
            FieldId::FrameNumber => number(datagram.frame),
            FieldId::FrameTime => datagram
                .time
                .map(|time| Value::Number(time.nanoseconds().into())),
            FieldId::FrameTimeRelative => datagram
                .time
                .zip(frame.start)
                .map(|(time, start)| Value::Number(time.since(start).into())),
            FieldId::FrameLength => frame.length.and_then(number),
            FieldId::FrameComment => frame.comment.map(Value::Text),
            FieldId::Ip => present(datagram.source.is_ipv4()),
            FieldId::IpAddress => return all(self.addresses(false), address, visit),
            FieldId::IpSource => self.addresses(false).map(|ends| address(ends[0])),
            FieldId::IpDestination => self.addresses(false).map(|ends| address(ends[1])),
            FieldId::IpFragments => fragments(false),
            FieldId::Ipv6 => present(datagram.source.is_ipv6()),
            FieldId::Ipv6Address => return all(self.addresses(true), address, visit),
            FieldId::Ipv6Source => self.addresses(true).map(|ends| address(ends[0])),
            FieldId::Ipv6Destination => self.addresses(true).map(|ends| address(ends[1])),
            FieldId::Ipv6Fragments => fragments(true),
            FieldId::Udp => present(datagram.transport == udp),
            FieldId::UdpPort => return all(self.ends(udp), port, visit),
            FieldId::UdpSourcePort => self.ends(udp).map(|ends| port(ends[0])),
            FieldId::UdpDestinationPort => self.ends(udp).map(|ends| port(ends[1])),
            FieldId::UdpLength => self
                .ends(udp)
                .and_then(|_| number(datagram.wire_length as u64 + UDP_HEADER)),
            FieldId::Tcp => present(datagram.transport == tcp),
            FieldId::TcpPort => return all(self.ends(tcp), port, visit),
            FieldId::TcpSourcePort => self.ends(tcp).map(|ends| port(ends[0])),
            FieldId::TcpDestinationPort => self.ends(tcp).map(|ends| port(ends[1])),
            FieldId::Length => number(datagram.wire_length as u64),
            FieldId::Captured if datagram.is_cut() => number(datagram.payload.len() as u64),
            FieldId::Channel => datagram.payload.get(..4).map(Value::Bytes),
            _ => None,
        };
        one.map_or(ControlFlow::Continue(()), visit)
    }
}

/// Bytes of a UDP header.
const UDP_HEADER: u64 = 8;
