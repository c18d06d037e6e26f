//! Why a membership certificate can't be used.

use std::io;
use std::path::PathBuf;

use x509_cert::der;

/// Why a certificate that the user names can't be used.
#[derive(Debug, thiserror::Error)]
pub enum MembershipError {
    /// The system refused something.
    #[error("{}: {cause}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is something else.
    #[error(
        "{}: is no X.509 certificate in PEM ({cause}); DER becomes PEM by `openssl x509 -inform DER \
         -in FILE -out NEW`", path.display()
    )]
    NoCertificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: der::Error,
    },
    /// The issuer's key is of no kind that is used.
    #[error(
        "{}: its public key is none that is used for membership certificates: P-256, P-384, or \
         RSA of 2048 to 4096 bits", path.display()
    )]
    Key {
        /// Which file.
        path: PathBuf,
    },
    /// It states no membership.
    #[error("{}: is no membership certificate: {cause}", path.display())]
    Unusable {
        /// Which file.
        path: PathBuf,
        /// Why.
        cause: Refusal,
    },
    /// It fits no datagram.
    #[error(
        "{}: has {length} bytes, and a datagram has room for {most}; let it be issued with a \
         shorter key, such as P-256", path.display()
    )]
    TooLarge {
        /// Which file.
        path: PathBuf,
        /// Its bytes.
        length: usize,
        /// What fits.
        most: usize,
    },
}

/// Why a certificate is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It is no certificate, or a part of it can't be read.
    #[error("it can't be decoded: {0}")]
    Malformed(#[from] der::Error),
    /// A critical extension is not known (RFC 5280, section 4.2).
    #[error("it has a critical extension that is not known")]
    UnknownExtension,
    /// The Subject Alternative Name is missing, or is not one URL.
    #[error("its Subject Alternative Name is not one URL (RFC 7574, section 8.13)")]
    NoName,
    /// The Subject Alternative Name is not marked as critical.
    #[error("its Subject Alternative Name is not critical (RFC 7574, section 8.13)")]
    NotCritical,
    /// The URL is of another form.
    #[error("its URL is not file://ADDRESS:PORT/SWARM-ID")]
    Url,
    /// The URL names the host otherwise than by address and port.
    #[error("its URL does not name an IP address and a port; names are not looked up")]
    Host,
    /// It is for another swarm.
    #[error("it is for another swarm")]
    OtherSwarm,
    /// Somebody else issued it.
    #[error("it names another issuer")]
    OtherIssuer,
    /// Its time, or its issuer's, has not come.
    #[error("it is not valid yet")]
    NotYetValid,
    /// Its time, or its issuer's, is over.
    #[error("it has expired")]
    Expired,
    /// The signature is not of the kind that the issuer's key makes.
    #[error("it is signed by another algorithm than the issuer's key is for")]
    Algorithm,
    /// The signature is not the issuer's.
    #[error("its signature is not the issuer's")]
    Signature,
}
