//! Live captures on the loopback interface, as a library. They need the right
//! to capture; where that is lacking they say that they are skipped.

use std::io::Read as _;
use std::net::{SocketAddr, UdpSocket};
use std::path::Path;
use std::time::{Duration, Instant};

use ppsp_inspect::capture::live::{
    Limits, LiveCapture, LiveError, LiveOptions, LiveWatch, interfaces,
};
use ppsp_inspect::capture::{Capture, Input, Options};

/// The options for packets to a port of the loopback interface.
fn options(port: u16) -> LiveOptions {
    LiveOptions {
        interfaces: vec![loopback()],
        filter: format!("udp dst port {port}"),
        // Other tests may run in this process.
        keep_privileges: true,
        ..LiveOptions::default()
    }
}

fn loopback() -> String {
    let all = interfaces().expect("interfaces");
    let loopback = all.into_iter().find(|interface| interface.is_loopback);
    loopback.expect("a loopback interface").name
}

/// Starts a capture, unless this process may not.
fn start(options: &LiveOptions) -> Option<LiveCapture> {
    match LiveCapture::start(options) {
        Ok(live) => Some(live),
        Err(LiveError::Privileges { .. }) => {
            eprintln!("skipped: this process may not capture");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

/// A sender and where it sends to.
struct Sender {
    socket: UdpSocket,
    // Bound, so that nothing answers "port unreachable".
    target: UdpSocket,
}

impl Sender {
    fn new() -> Self {
        let bind = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        Self {
            socket: bind(),
            target: bind(),
        }
    }

    fn address(&self) -> SocketAddr {
        self.target.local_addr().expect("an address")
    }

    fn send(&self, number: u32) {
        let payload = number.to_be_bytes();
        self.socket.send_to(&payload, self.address()).expect("sent");
    }
}

fn wait_for(watch: &LiveWatch, captured: u64) {
    let begin = Instant::now();
    while watch.counters().captured < captured {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "{:?}",
            watch.counters()
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn numbers(mut capture: Capture) -> Vec<u32> {
    let mut numbers = Vec::new();
    while let Some(captured) = capture.next() {
        let payload = captured.datagram.payload.try_into().expect("four bytes");
        numbers.push(u32::from_be_bytes(payload));
    }
    assert!(capture.faults().is_empty(), "{:?}", capture.faults());
    numbers
}

fn of_file(path: &Path) -> Vec<u32> {
    let inputs = [Input::File(path.to_owned())];
    numbers(Capture::open(&inputs, Options::default()).expect("a capture"))
}

#[test]
fn what_is_decoded_is_what_is_written_and_what_was_sent() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("own.pcapng");
    let sender = Sender::new();
    let Some(mut live) = start(&LiveOptions {
        file: Some(path.clone()),
        ..options(sender.address().port())
    }) else {
        return;
    };
    let packets = live.packets().expect("packets");
    assert!(live.packets().is_none(), "they are given once");
    for number in 0..3_000 {
        sender.send(number);
    }
    wait_for(&live.watch(), 3_000);
    let counters = live.watch().counters();
    live.watch().stop();
    assert!(live.finish().is_empty());
    let expected: Vec<u32> = (0..3_000).collect();
    assert_eq!(
        numbers(Capture::from_reader("live", packets).expect("a capture")),
        expected
    );
    assert_eq!(of_file(&path), expected);
    assert_eq!((counters.dropped, counters.files), (0, 1));
}

#[test]
fn a_capture_ends_by_itself_after_so_many_packets() {
    let sender = Sender::new();
    let Some(mut live) = start(&LiveOptions {
        stop: Limits {
            packets: Some(100),
            ..Limits::default()
        },
        ..options(sender.address().port())
    }) else {
        return;
    };
    let packets = live.packets().expect("packets");
    for number in 0..150 {
        sender.send(number);
    }
    assert!(live.finish().is_empty());
    let expected: Vec<u32> = (0..100).collect();
    assert_eq!(
        numbers(Capture::from_reader("live", packets).expect("a capture")),
        expected
    );
}

#[test]
fn a_capture_ends_by_itself_after_some_time_without_packets() {
    let sender = Sender::new();
    let Some(mut live) = start(&LiveOptions {
        stop: Limits {
            duration: Some(Duration::from_millis(200)),
            ..Limits::default()
        },
        ..options(sender.address().port())
    }) else {
        return;
    };
    let mut bytes = Vec::new();
    let mut packets = live.packets().expect("packets");
    packets.read_to_end(&mut bytes).expect("read");
    assert!(live.finish().is_empty());
    assert_eq!(bytes.first_chunk(), Some(&[0x0a, 0x0d, 0x0d, 0x0a]));
}

#[test]
fn a_ring_of_files_holds_the_newest_packets_and_loses_none_of_them() {
    let folder = tempfile::tempdir().expect("a folder");
    let sender = Sender::new();
    let Some(live) = start(&LiveOptions {
        file: Some(folder.path().join("ring.pcapng")),
        decode: false,
        rotate: Limits {
            packets: Some(10),
            files: Some(3),
            ..Limits::default()
        },
        ..options(sender.address().port())
    }) else {
        return;
    };
    for number in 0..55 {
        sender.send(number);
    }
    wait_for(&live.watch(), 55);
    live.watch().stop();
    let watch = live.watch();
    assert!(live.finish().is_empty());
    assert_eq!(watch.counters().files, 6);
    let mut files: Vec<_> = std::fs::read_dir(folder.path())
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let found: Vec<Vec<u32>> = files.iter().map(|file| of_file(file)).collect();
    let expected: [Vec<u32>; 3] = [(30..40).collect(), (40..50).collect(), (50..55).collect()];
    assert_eq!(found, expected);
}

#[test]
fn packets_of_two_interfaces_come_in_the_order_of_their_times() {
    let sender = Sender::new();
    let Some(mut live) = start(&LiveOptions {
        interfaces: vec![loopback(), loopback()],
        ..options(sender.address().port())
    }) else {
        return;
    };
    let packets = live.packets().expect("packets");
    for number in 0..500 {
        sender.send(number);
        if number % 50 == 0 {
            std::thread::sleep(Duration::from_millis(7));
        }
    }
    wait_for(&live.watch(), 1_000);
    live.watch().stop();
    assert!(live.finish().is_empty());
    let mut capture = Capture::from_reader("live", packets).expect("a capture");
    let mut times = Vec::new();
    while let Some(captured) = capture.next() {
        times.push(captured.datagram.time);
    }
    assert_eq!(times.len(), 1_000, "each is seen on both");
    // Nobody is waited for without end: on a machine that is busy a thread may come too
    // late now and then. Without order there would be hundreds of these.
    let steps_back = times.windows(2).filter(|two| two[0] > two[1]).count();
    assert!(steps_back < 20, "{steps_back}");
}

#[test]
fn a_slow_decoder_loses_nothing() {
    let sender = Sender::new();
    let Some(mut live) = start(&options(sender.address().port())) else {
        return;
    };
    let packets = live.packets().expect("packets");
    for number in 0..1_000 {
        sender.send(number);
    }
    wait_for(&live.watch(), 1_000);
    // It was not read until now.
    let begin = Instant::now();
    while live.watch().counters().waiting_bytes < 1_000 * 60 {
        assert!(
            begin.elapsed() < Duration::from_secs(20),
            "it does not wait"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
    live.watch().stop();
    assert!(live.finish().is_empty());
    let found = numbers(Capture::from_reader("live", packets).expect("a capture"));
    assert_eq!(found.len(), 1_000);
}

#[test]
fn an_unknown_interface_is_refused_with_those_that_there_are() {
    let error = LiveCapture::start(&LiveOptions {
        interfaces: vec!["none7".to_owned()],
        keep_privileges: true,
        ..LiveOptions::default()
    })
    .expect_err("refused");
    assert!(error.is_usage());
    let told = error.to_string();
    assert!(
        told.contains("\"none7\"") && told.contains(&loopback()),
        "{told}"
    );
}

#[test]
fn a_wrong_capture_filter_is_refused_with_what_libpcap_says() {
    let wrong = LiveOptions {
        filter: "udp prot 7".to_owned(),
        ..options(7)
    };
    match LiveCapture::start(&wrong) {
        Err(LiveError::Privileges { .. }) => eprintln!("skipped: this process may not capture"),
        Err(error @ LiveError::Filter { .. }) => {
            assert!(error.is_usage());
            assert!(error.to_string().contains("syntax error"), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_file_that_is_no_capture_is_not_overwritten() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("thesis.txt");
    std::fs::write(&path, "content").expect("written");
    match LiveCapture::start(&LiveOptions {
        file: Some(path.clone()),
        ..options(7)
    }) {
        Err(LiveError::Privileges { .. }) => eprintln!("skipped: this process may not capture"),
        Err(LiveError::Write { .. }) => {
            assert_eq!(std::fs::read(path).expect("there"), b"content");
        }
        other => panic!("{other:?}"),
    }
}
