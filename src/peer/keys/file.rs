//! Files of private keys: nobody but their owner reads them, from the first byte
//! on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};

use ppspp_dissector::wire::SignatureAlgorithm;
use zeroize::Zeroizing;

use super::{KeyError, KeyFileError, SigningKey};

/// Bytes of a key file, at most: an RSA key of 4096 bits has 3.3 KiB, and some put
/// certificates beside it.
const MOST_BYTES: usize = 64 * 1024;

/// Writes a key as [`SigningKey::to_pem`] has it, with mode 0600 from the start.
/// With `force` it replaces a file that is there, at once and only when all of the
/// new one is written: neither the old permissions nor those who have the old file
/// open get to see the key.
///
/// # Errors
/// When something is there already and `force` is not set or it is no regular file,
/// and when it can't be written. Then nothing is left of what was begun.
pub fn write_key_file(path: &Path, key: &SigningKey, force: bool) -> Result<(), KeyFileError> {
    let text = key.to_pem().map_err(|cause| KeyFileError::Key {
        path: path.to_owned(),
        cause,
    })?;
    let io = |cause| KeyFileError::Io {
        path: path.to_owned(),
        cause,
    };
    let Some(old) = existing(path).map_err(io)? else {
        return match create(path, &text) {
            // Somebody was faster.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(KeyFileError::Exists {
                path: path.to_owned(),
            }),
            other => other.map_err(io),
        };
    };
    if !old.is_file() {
        return Err(KeyFileError::NotRegular {
            path: path.to_owned(),
        });
    }
    if !force {
        return Err(KeyFileError::Exists {
            path: path.to_owned(),
        });
    }
    let new = beside(path);
    create(&new, &text).map_err(|cause| KeyFileError::Io {
        path: new.clone(),
        cause,
    })?;
    fs::rename(&new, path).map_err(|error| {
        // The error that counts is the first one.
        let _ = fs::remove_file(&new);
        io(error)
    })
}

/// Reads a key in PEM, as [`SigningKey::from_pem`] does.
///
/// # Errors
/// When the file can't be read or others than its owner may read or write it, and
/// what [`SigningKey::from_pem`] says.
pub fn read_key_file(
    path: &Path,
    algorithm: Option<SignatureAlgorithm>,
) -> Result<SigningKey, KeyFileError> {
    let io = |cause| KeyFileError::Io {
        path: path.to_owned(),
        cause,
    };
    let file = File::open(path).map_err(io)?;
    refuse_open_to_others(&file, path)?;
    // All at once: a buffer that grows leaves copies of the key behind.
    let mut text = Zeroizing::new(Vec::with_capacity(MOST_BYTES + 1));
    file.take(MOST_BYTES as u64 + 1)
        .read_to_end(&mut text)
        .map_err(io)?;
    if text.len() > MOST_BYTES {
        return Err(KeyFileError::TooLong {
            path: path.to_owned(),
            limit: MOST_BYTES,
        });
    }
    str::from_utf8(&text)
        .map_err(|_| KeyError::NotPem)
        .and_then(|text| SigningKey::from_pem(text, algorithm))
        .map_err(|cause| KeyFileError::Key {
            path: path.to_owned(),
            cause,
        })
}

/// What is at `path`, if anything; a symbolic link for itself.
fn existing(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(data) => Ok(Some(data)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Writes a new file that only its owner may read.
fn create(path: &Path, text: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    // A swarm ID that is told to others is worth nothing once its key is lost.
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .inspect_err(|_| {
            // Half a key is of no use.
            let _ = fs::remove_file(path);
        })
}

/// A name for a file that is to replace the one at `path`.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".new-{}", std::process::id()));
    path.with_file_name(name)
}

/// As ssh does. Pipes and the like have no permissions that tell anything.
#[cfg(unix)]
fn refuse_open_to_others(file: &File, path: &Path) -> Result<(), KeyFileError> {
    use std::os::unix::fs::PermissionsExt as _;

    // Of what is open, not of what may stand at the path by now.
    let data = file.metadata().map_err(|cause| KeyFileError::Io {
        path: path.to_owned(),
        cause,
    })?;
    let mode = data.permissions().mode() & 0o7777;
    if data.is_file() && mode & 0o077 != 0 {
        return Err(KeyFileError::Open {
            path: path.to_owned(),
            mode,
        });
    }
    Ok(())
}

#[cfg(not(unix))]
fn refuse_open_to_others(_file: &File, _path: &Path) -> Result<(), KeyFileError> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::tests::key;
    use super::*;

    use SignatureAlgorithm::{EcdsaP256Sha256, EcdsaP384Sha384};

    #[test]
    fn a_file_is_its_owners_alone() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        let (one, other) = (key(EcdsaP256Sha256), key(EcdsaP384Sha384));
        let id = || read_key_file(&path, None).expect("a key").swarm_id();
        write_key_file(&path, &one, false).expect("written");
        assert_eq!(id(), one.swarm_id());
        assert!(matches!(
            write_key_file(&path, &other, false),
            Err(KeyFileError::Exists { .. })
        ));
        assert_eq!(id(), one.swarm_id());
        write_key_file(&path, &other, true).expect("written");
        assert_eq!(id(), other.swarm_id());
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 1);
        assert!(matches!(
            write_key_file(folder.path(), &other, true),
            Err(KeyFileError::NotRegular { .. })
        ));
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_narrow_from_the_start_and_asked_for_when_read() {
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key.pem");
        let mode = || fs::metadata(&path).expect("a file").permissions().mode() & 0o7777;
        let key = key(EcdsaP256Sha256);
        // Whoever has opened the old file has not opened the new one.
        fs::write(&path, "old").expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).expect("set");
        let old = fs::File::open(&path).expect("opened");
        write_key_file(&path, &key, true).expect("written");
        assert_eq!(mode(), 0o600);
        assert_eq!(std::io::read_to_string(old).expect("read"), "old");
        for open in [0o640, 0o604, 0o610, 0o602, 0o644] {
            fs::set_permissions(&path, fs::Permissions::from_mode(open)).expect("set");
            let error = read_key_file(&path, None)
                .expect_err("open to others")
                .to_string();
            assert!(error.contains(&format!("(mode {open:04o})")), "{error}");
            assert!(error.contains("`chmod 600 "), "{error}");
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).expect("set");
        read_key_file(&path, None).expect("a key");
        // A link may lead anywhere: neither followed nor replaced.
        let link = folder.path().join("link");
        symlink(folder.path().join("elsewhere"), &link).expect("linked");
        for force in [false, true] {
            let error = write_key_file(&link, &key, force).expect_err("a link");
            assert!(matches!(error, KeyFileError::NotRegular { .. }));
        }
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 2);
    }

    #[test]
    fn files_that_are_no_keys_are_named() {
        let folder = tempfile::tempdir().expect("a folder");
        let missing = read_key_file(&folder.path().join("missing"), None).expect_err("missing");
        assert!(missing.to_string().contains("missing: "), "{missing}");
        let path = folder.path().join("other");
        write_key_file(&path, &key(EcdsaP256Sha256), false).expect("written");
        for (content, said) in [
            (vec![b'a'; 100_000], "longer than any key"),
            (vec![0xff; 10], "no key in PEM"),
            (Vec::new(), "no key in PEM"),
        ] {
            // Keeps the permissions.
            fs::write(&path, content).expect("written");
            let error = read_key_file(&path, None).expect_err("no key").to_string();
            assert!(error.contains("other: ") && error.contains(said), "{error}");
        }
        let nowhere = folder.path().join("no/folder/key.pem");
        let error = write_key_file(&nowhere, &key(EcdsaP256Sha256), false);
        assert!(matches!(error, Err(KeyFileError::Io { .. })));
    }
}
