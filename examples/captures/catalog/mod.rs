//! The sample captures, each as a script or a simulation, and the manifest over
//! them.

mod certificate;
mod content;
mod deviations;
mod every_message;
mod injector;
mod key;
mod legacy;
mod live;
mod live_libswift;
mod manifest;
mod packet;
mod pcap;
mod rfc_example;
mod script;
mod seven_chunks;
mod simulated;
mod spoilt;
mod swarm;
mod tree;
mod two_swarms;

/// Every file of `captures/`: its name and its bytes.
pub(crate) fn files() -> Vec<(&'static str, Vec<u8>)> {
    let scripts = [
        rfc_example::script(),
        seven_chunks::script(),
        two_swarms::script(),
        live::p256(),
        live::p384(),
        live::rsa_sha256(),
        live::sign_all(),
        live_libswift::script(),
        spoilt::chunk(),
        spoilt::hash(),
        legacy::script(),
        deviations::script(),
        every_message::script(),
    ];
    let mut files: Vec<_> = scripts
        .iter()
        .map(|script| (script.file, script.pcap()))
        .collect();
    let (simulated, about) = simulated::captures();
    files.extend(simulated);
    let manifest = manifest::manifest(&scripts) + manifest::SIMULATED + &about;
    files.push(("MANIFEST.md", manifest.into_bytes()));
    files
}
