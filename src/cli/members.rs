//! Membership certificates as the command line names them.

use std::sync::Arc;

use anyhow::Result;

use super::complain;
use super::peer_args::MemberArgs;
use crate::peer::engine::Membership;
use crate::peer::membership::OwnCertificate;
use crate::peer::net::Driver;

/// Our own certificates, of which each swarm gets its own.
#[derive(Debug)]
pub(super) struct Members {
    certificates: Vec<(OwnCertificate, bool)>,
    is_required: bool,
}

impl Members {
    /// Reads what the command line names; the driver trusts the issuer.
    pub(super) fn read(args: &MemberArgs, driver: &mut Driver) -> Result<Self> {
        if let Some(path) = &args.pex_issuer {
            driver.trust(crate::peer::membership::Issuer::read(path)?);
        }
        let read = |path: &std::path::PathBuf| Ok((OwnCertificate::read(path)?, false));
        Ok(Self {
            certificates: args
                .pex_certificate
                .iter()
                .map(read)
                .collect::<Result<_>>()?,
            is_required: args.pex_issuer.is_some(),
        })
    }

    /// What a swarm has of it.
    pub(super) fn of(&mut self, swarm_id: &[u8]) -> Membership {
        let mut certificates = self.certificates.iter_mut();
        let own = certificates.find(|(certificate, _)| certificate.swarm_id == swarm_id);
        Membership {
            is_required: self.is_required,
            own: own.map(|(certificate, is_used)| {
                *is_used = true;
                (certificate.address, Arc::from(&*certificate.der))
            }),
        }
    }

    /// Says which certificates are of no use: they are for other swarms.
    pub(super) fn complain_of_others(&self) {
        for (certificate, _) in self.certificates.iter().filter(|(_, is_used)| !is_used) {
            complain(format_args!(
                "--pex-certificate: the one for {} is for another swarm, {}, and is not used",
                certificate.address,
                crate::output::Hex(&certificate.swarm_id)
            ));
        }
    }
}
