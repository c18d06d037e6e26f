//! What is wrong with keys and their files.

use std::io;
use std::path::PathBuf;

use ppspp_dissector::wire::SignatureAlgorithm;
use thiserror::Error;

use super::RSA_BITS;

/// Why there is no key.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum KeyError {
    /// An algorithm that RFC 7574, section 7.7, does not make mandatory.
    #[error("expected a signature algorithm of section 7.7 (5, 8, 13, 14), found {0}")]
    UnassignedAlgorithm(u8),
    /// A number of bits for an algorithm whose curve fixes it.
    #[error("bits are for RSA; {0} has those of its curve")]
    BitsWithoutRsa(SignatureAlgorithm),
    /// An RSA modulus that is too small or too large.
    #[error(
        "expected an RSA modulus of {} to {} bits, found {bits}",
        RSA_BITS.start(),
        RSA_BITS.end()
    )]
    ModulusSize {
        /// Bits that there are.
        bits: usize,
    },
    /// The operating system has no random numbers.
    #[error("the operating system gives no random numbers")]
    Randomness,
    /// Text without any PEM block.
    #[error(
        "is no key in PEM: expected a line \"-----BEGIN PRIVATE KEY-----\"; \
         DER becomes PEM by `openssl pkey -inform DER -in FILE -out NEW`"
    )]
    NotPem,
    /// PEM, but nothing private in it.
    #[error("holds no private key but a {0}")]
    NotPrivate(String),
    /// A key behind a passphrase.
    #[error(
        "is encrypted, which is not supported; \
         `openssl pkey -in FILE -out NEW` takes the passphrase off"
    )]
    Encrypted,
    /// A format other than PKCS #8, PKCS #1 and SEC 1.
    #[error(
        "is a {0}; expected PKCS #8 (PRIVATE KEY), PKCS #1 (RSA PRIVATE KEY) \
         or SEC 1 (EC PRIVATE KEY)"
    )]
    Format(String),
    /// A key for something else.
    #[error("holds a key that is neither RSA nor ECDSA on P-256 or P-384")]
    Kind,
    /// SEC 1 has no telling the two apart.
    #[error("holds no EC key on P-256 or P-384: it is on another curve, or damaged")]
    Sec1,
    /// What stands in the block is no such key.
    #[error("the {0} is damaged")]
    Damaged(&'static str),
    /// RSA keys sign with any hash, and nothing tells which.
    #[error(
        "an RSA key does not tell its hash: name it by --algorithm, RSASHA256 \
         or, as libswift has it, RSASHA1"
    )]
    HashUnknown,
    /// A key that can't sign by the algorithm asked for.
    #[error("expected a key for {wanted}, found one for {found}")]
    OtherAlgorithm {
        /// The algorithm asked for.
        wanted: SignatureAlgorithm,
        /// What the key is for.
        found: &'static str,
    },
}

/// Why a key's file could not be read or written. Every message names the file.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// What stands in it.
    #[error("{}: {cause}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        cause: KeyError,
    },
    /// The system refuses.
    #[error("{}: {cause}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What it says.
        cause: io::Error,
    },
    /// It is there already.
    #[error(
        "{}: exists already; --force overwrites it, \
         and nobody can sign for the swarm of its key any more",
        path.display()
    )]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// A directory, a device or the like is there.
    #[error("{}: is no regular file; keys are written to nothing else", path.display())]
    NotRegular {
        /// The file.
        path: PathBuf,
    },
    /// Others than its owner may read or write it.
    #[error(
        "{0}: others may read or change this private key (mode {mode:04o}); \
         if nobody has, `chmod 600 {0}` makes it usable",
        path.display()
    )]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// No key is this long.
    #[error("{}: is longer than any key, {limit} bytes; is it another file?", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Bytes that are read.
        limit: usize,
    },
}
