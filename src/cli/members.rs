//! Membership certificates as the command line names them.

use std::sync::Arc;

use anyhow::Result;

use super::complain;
use super::peer_args::MemberArgs;
use crate::peer::engine::Membership;
use crate::peer::membership::{Issuer, OwnCertificate};
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
        let issuer = args.pex_issuer.as_deref().map(Issuer::read).transpose()?;
        let mut certificates = Vec::new();
        for path in &args.pex_certificate {
            let own = OwnCertificate::read(path)?;
            let checked = issuer
                .as_ref()
                .map(|issuer| issuer.check(&own.der, &own.swarm_id, driver.now()));
            if let Some(Err(refusal)) = checked {
                complain(format_args!(
                    "--pex-certificate {}: others will refuse it: {refusal}",
                    path.display()
                ));
            }
            certificates.push((own, false));
        }
        if let Some(issuer) = issuer {
            driver.trust(issuer);
        }
        Ok(Self {
            certificates,
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
