//! What peers exchange.

use ppspp_dissector::wire::{ChunkAddressing, ContentIntegrity, HashFunction, SignatureAlgorithm};
use toml::Spanned;

use super::error::ScenarioError;
use super::file::{Content, Kind};
use crate::peer::sim::link::Bandwidth;

/// What peers exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContentSettings {
    /// Static or live.
    pub kind: ContentKind,
    /// Bytes of a chunk.
    pub chunk_size: u32,
    /// How it is protected: by default a Merkle tree, or a unified one for a
    /// live stream.
    pub content_integrity: ContentIntegrity,
    /// The tree's hash function; SHA-256 by default.
    pub hash_function: HashFunction,
    /// How peers name chunks; 32-bit chunk ranges by default.
    pub chunk_addressing: ChunkAddressing,
}

/// Whether content is all there from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContentKind {
    /// It is.
    Static {
        /// Bytes of it.
        size: u64,
    },
    /// It is made while it is watched.
    Live(StreamSettings),
}

/// How a live stream is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamSettings {
    /// How fast.
    pub rate: Bandwidth,
    /// How many chunks peers keep; `None` is all of them.
    pub discard_window: Option<u32>,
    /// How it is signed; ECDSAP256SHA256 by default.
    pub signature_algorithm: SignatureAlgorithm,
    /// Chunks to a signature of a unified Merkle tree, a power of two; 32 by
    /// default.
    pub chunks_per_signature: u32,
}

pub(super) fn settings(source: &str, content: &Content) -> Result<ContentSettings, ScenarioError> {
    let wrong =
        |place, field, problem: String| Err(ScenarioError::new(source, place, field, problem));
    let chunk_size = *content.chunk_size.get_ref();
    if !(1..=65_000).contains(&chunk_size) {
        let place = Some(content.chunk_size.span());
        let problem = format!("{chunk_size} bytes do not go in one datagram; 1 to 65000 do");
        return wrong(place, "content.chunk_size", problem);
    }
    let kind = match content.kind {
        Kind::Static => {
            let rate = content.rate.as_ref().map(|field| ("rate", field.span()));
            let window = content.discard_window.as_ref();
            let window = window.map(|field| ("discard_window", field.span()));
            let algorithm = content.signature_algorithm.as_ref();
            let algorithm = algorithm.map(|field| ("signature_algorithm", field.span()));
            let count = content.chunks_per_signature.as_ref();
            let count = count.map(|field| ("chunks_per_signature", field.span()));
            if let Some((name, place)) = rate.or(window).or(algorithm).or(count) {
                let field = format!("content.{name}");
                return wrong(Some(place), &field, "only live content has one".to_owned());
            }
            match &content.size {
                Some(size) if size.get_ref().0 > 0 => ContentKind::Static {
                    size: size.get_ref().0,
                },
                Some(size) => {
                    let problem = "content has one byte at least".to_owned();
                    return wrong(Some(size.span()), "content.size", problem);
                }
                None => {
                    let problem = "static content needs a size, such as \"4 MiB\"".to_owned();
                    return wrong(None, "content.size", problem);
                }
            }
        }
        Kind::Live => {
            if let Some(size) = &content.size {
                let problem = "live content has none; it has a rate".to_owned();
                return wrong(Some(size.span()), "content.size", problem);
            }
            let Some(rate) = &content.rate else {
                let problem = "live content needs a rate, such as \"2 Mbit/s\"".to_owned();
                return wrong(None, "content.rate", problem);
            };
            let window = content.discard_window.as_ref();
            let count = content.chunks_per_signature.as_ref();
            if let Some(count) = count
                .filter(|it| !(2..=4096).contains(it.get_ref()))
                .or(count.filter(|it| !it.get_ref().is_power_of_two()))
            {
                let problem = "it is a power of two, 2 to 4096 (RFC 7574, section 6.1.2.1)";
                let field = "content.chunks_per_signature";
                return wrong(Some(count.span()), field, problem.to_owned());
            }
            ContentKind::Live(StreamSettings {
                rate: rate.get_ref().0,
                discard_window: window.map(|window| *window.get_ref()),
                signature_algorithm: by_name(
                    source,
                    "content.signature_algorithm",
                    content.signature_algorithm.as_ref(),
                    SignatureAlgorithm::ASSIGNED,
                    SignatureAlgorithm::name,
                )?
                .unwrap_or(SignatureAlgorithm::EcdsaP256Sha256),
                chunks_per_signature: count.map_or(32, |count| *count.get_ref()),
            })
        }
    };
    let integrity = by_name(
        source,
        "content.content_integrity",
        content.integrity.as_ref(),
        ContentIntegrity::ASSIGNED,
        ContentIntegrity::name,
    )?;
    let is_live = content.kind == Kind::Live;
    if let (Some(method), Some(field)) = (integrity, &content.integrity)
        && method != ContentIntegrity::None
        && method.is_live() != is_live
    {
        let kind = if method.is_live() { "live" } else { "static" };
        let problem = format!("this method is for {kind} content");
        return wrong(Some(field.span()), "content.content_integrity", problem);
    }
    let usual = if is_live {
        ContentIntegrity::UnifiedMerkle
    } else {
        ContentIntegrity::Merkle
    };
    Ok(ContentSettings {
        kind,
        chunk_size,
        content_integrity: integrity.unwrap_or(usual),
        hash_function: by_name(
            source,
            "content.hash_function",
            content.hash_function.as_ref(),
            HashFunction::ASSIGNED,
            HashFunction::name,
        )?
        .unwrap_or(HashFunction::Sha256),
        chunk_addressing: by_name(
            source,
            "content.chunk_addressing",
            content.chunk_addressing.as_ref(),
            ChunkAddressing::ASSIGNED,
            ChunkAddressing::name,
        )?
        .unwrap_or(ChunkAddressing::Chunk32),
    })
}

/// The one of `all` that has the name.
fn by_name<T: Copy>(
    source: &str,
    field: &str,
    wanted: Option<&Spanned<String>>,
    all: &[T],
    name: impl Fn(T) -> Option<&'static str>,
) -> Result<Option<T>, ScenarioError> {
    let Some(wanted) = wanted else {
        return Ok(None);
    };
    let found = all.iter().find(|&&one| name(one) == Some(wanted.get_ref()));
    found.copied().map(Some).ok_or_else(|| {
        let names: Vec<_> = all.iter().filter_map(|&one| name(one)).collect();
        let problem = format!("{:?} is none of {}", wanted.get_ref(), names.join(", "));
        ScenarioError::new(source, Some(wanted.span()), field, problem)
    })
}
