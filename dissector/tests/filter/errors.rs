//! What is said about filters that can't be read. `INSTA_UPDATE=always cargo
//! test` writes the snapshot again.

use ppspp_dissector::filter::Filter;

const WRONG: &[&str] = &[
    "ppsp.msg.type == \"DATA\"",
    "no.such.thing",
    "udp.port ==",
    "udp.port == x",
    "udp.port == \"6778\"",
    "udp.port == 99999999999999999999",
    "udp.port = 6778",
    "udp.port == 1 & tcp",
    "udp.port == 1 | tcp",
    "udp.port 6778",
    "udp.port contains 67",
    "udp.port matches \"6\"",
    "udp.port[0:1] == 1",
    "udp.port == ip.src",
    "udp.port in 6778",
    "udp.port in {6778 7000}",
    "udp.port in {7010..7000}",
    "udp.port in {}",
    "udp.port in {1, 2",
    "ip.addr == 10.0.0.0/33",
    "ip.addr == 2001:db8::1",
    "ip.addr in {10.0.0.0/8..11.0.0.0}",
    "ip.addr == localhost",
    "ipv6.addr == 10.0.0.1",
    "udp == 1",
    "ppspp.msg.type == \"DAT\"",
    "ppspp.msg.type == \"what\"",
    "ppspp.msg.type > \"DATA\"",
    "ppspp.integrity == \"good\"",
    "ppspp.finding.id == \"handshake.chunk-size-mising\"",
    "ppspp.finding.id == \"nothing\"",
    "ppspp.swarm == 24fbf",
    "ppspp.swarm[0:0] == 24",
    "ppspp.swarm[x] == 24",
    "ppspp.swarm matches \"(\"",
    "ppspp.swarm matches 24",
    "ppspp.channel == 5",
    "ppspp.chunks == 9..7",
    "ppspp.chunks < 7..9",
    "ppspp.finding.text == free",
    "frame.time > \"yesterday\"",
    "frame.time > \"9999-01-01\"",
    "frame.time_relative > 5parsecs",
    "ppspp.ack.delay_us > 1.5",
    "len(udp.port) > 1",
    "count(ppspp.msg.type)",
    "all udp.port",
    "message(message(udp))",
    "message(udp",
    "(udp || tcp",
    "udp || ",
    "udp tcp",
    "udp)",
    "'udp'",
    "ppspp.finding.text == \"open",
    "udp.port == 1 && ppspp.msg.type == \"DATA\" && ppspp.chunk.start >= ten && ppspp.data.payload contains \"a long text behind it, which is cut\" && udp",
    "§",
    "frame.comment == \"ä\" && §",
];

#[test]
fn errors_point_at_their_place_and_say_what_to_write() {
    let mut all = String::new();
    for text in WRONG {
        let told = match Filter::parse(text) {
            Ok(read) => format!("(is read as) {read}"),
            Err(error) => error.with_text(text).to_string(),
        };
        all.push_str(&told);
        all.push_str("\n\n");
    }
    insta::assert_snapshot!(all);
}
