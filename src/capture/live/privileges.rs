//! Privileges: which are missing, and giving up those that are no longer needed.

use std::io;

/// How to let this program capture, for a message.
pub(super) fn advice() -> String {
    let program = std::env::current_exe().map_or_else(
        |_| "/path/to/ppsp-inspect".to_owned(),
        |path| path.display().to_string(),
    );
    if cfg!(target_os = "linux") {
        format!(
            "Give them to the program once:\n  \
             sudo setcap cap_net_raw,cap_net_admin=eip '{program}'\n\
             or run it as root, which it gives up once the interface is open:\n  \
             sudo '{program}' live …"
        )
    } else {
        format!(
            "Give yourself the right to read /dev/bpf*, or run it as root, which it gives up \
             once the interface is open:\n  sudo '{program}' live …"
        )
    }
}

/// Whether an error of libpcap is about privileges.
pub(super) fn lacks_privileges(reason: &str) -> bool {
    // libpcap has a code for that, which does not come through the binding.
    ["ermission", "not permitted", "CAP_NET_RAW"]
        .iter()
        .any(|sign| reason.contains(sign))
}

/// Gives up what opening interfaces needed: root becomes the user who called
/// sudo; where there is none, root stays by name, without its capabilities; a
/// program with file capabilities gives those up.
///
/// It acts on this thread and on those that it starts later, so it has to come
/// before them.
///
/// # Errors
/// When the system refuses. Then nothing may go on.
#[cfg(target_os = "linux")]
pub fn drop_privileges() -> io::Result<()> {
    use rustix::process::{Gid, Uid, geteuid};
    use rustix::thread::{
        CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs, set_thread_groups,
        set_thread_res_gid, set_thread_res_uid,
    };

    let number = |name: &str| {
        let value = std::env::var(name).ok()?;
        value.parse::<u32>().ok().filter(|&id| id != 0)
    };
    if geteuid().is_root()
        && let (Some(user), Some(group)) = (number("SUDO_UID"), number("SUDO_GID"))
    {
        let group = Gid::from_raw(group);
        set_thread_groups(&[group])?;
        set_thread_res_gid(group, group, group)?;
        let user = Uid::from_raw(user);
        set_thread_res_uid(user, user, user)?;
    }
    let none = CapabilitySet::empty();
    set_capabilities(
        None,
        CapabilitySets {
            effective: none,
            permitted: none,
            inheritable: none,
        },
    )?;
    set_no_new_privs(true)?;
    Ok(())
}

/// Elsewhere nothing is given up but what the system takes by itself.
#[cfg(not(target_os = "linux"))]
pub fn drop_privileges() -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libpcap_says_of_privileges_is_told_from_other_errors() {
        for reason in [
            "socket: Operation not permitted",
            "You don't have permission to capture on that device",
            "Attempt to create packet socket failed - CAP_NET_RAW may be required",
        ] {
            assert!(lacks_privileges(reason), "{reason}");
        }
        assert!(!lacks_privileges("eth7: No such device exists"));
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn after_dropping_them_a_thread_has_no_capabilities() {
        use rustix::thread::{CapabilitySet, capabilities};

        // In a thread of its own: the others keep theirs.
        let left = std::thread::spawn(|| {
            drop_privileges().expect("given up");
            capabilities(None).expect("told")
        });
        let left = left.join().expect("no panic");
        assert_eq!(left.effective, CapabilitySet::empty());
        assert_eq!(left.permitted, CapabilitySet::empty());
    }
}
