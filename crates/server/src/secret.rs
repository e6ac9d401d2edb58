//! A secret that is made once and kept in a file, so that members are known again after a restart.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Shorter secrets can be guessed from one token that they signed (RFC 7518 section 3.2).
pub const SECRET_BYTES: usize = 32;

/// Why there is no kept secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretError {
    /// The file, or its folder, can't be read or written.
    #[error("the secret can't be kept in {path}: {error}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// There is a file, but what it holds is too short. It is left as it is.
    #[error("the secret in {path} has {bytes} bytes; it needs {SECRET_BYTES}")]
    Short {
        /// The file.
        path: PathBuf,
        /// How many it has.
        bytes: usize,
    },
}

/// The secret in the file at `path`, which only its owner can read. It is made if there is none, together with the folder.
///
/// Whoever replaces the file revokes every resume token that was given out.
///
/// # Errors
/// [`SecretError`]; a file that is there is never overwritten.
pub fn kept_secret(path: &Path) -> Result<Vec<u8>, SecretError> {
    let failed = |error| SecretError::File { path: path.to_owned(), error };
    match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(path).map_err(failed)?,
        Err(error) => return Err(failed(error)),
        Ok(_) => {}
    }
    let secret = read(path).map_err(failed)?;
    if secret.len() < SECRET_BYTES {
        return Err(SecretError::Short { path: path.to_owned(), bytes: secret.len() });
    }
    Ok(secret)
}

/// Reads it and sees to it that nobody else can.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let secret = std::fs::read(path)?;
    keep_private(path)?;
    // As editors leave it, and `openssl rand -base64 32` writes it.
    Ok(secret.trim_ascii().to_vec())
}

/// Makes it, whole or not at all. Of two who make it at once one wins, and both use that one.
fn create(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    // Made with mode 0600.
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    let random: [u8; SECRET_BYTES] = rand::random();
    writeln!(file, "{}", URL_SAFE_NO_PAD.encode(random))?;
    file.as_file().sync_all()?;
    match file.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

#[cfg(unix)]
fn keep_private(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 == 0 {
        return Ok(());
    }
    tracing::warn!(path = %path.display(), "others could read the secret: from now on they can't");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_made_once_and_kept_from_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/folder/secret");
        let secret = kept_secret(&path).unwrap();
        assert!(secret.len() >= SECRET_BYTES);
        assert_eq!(kept_secret(&path).unwrap(), secret);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode(), 0o600);
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
            assert_eq!((kept_secret(&path).unwrap(), mode()), (secret, 0o600));
        }
    }

    #[test]
    fn those_who_make_it_at_once_get_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        let make = || {
            std::thread::spawn({
                let path = path.clone();
                move || kept_secret(&path).unwrap()
            })
        };
        let secrets: Vec<_> = [(); 8].map(|()| make()).into_iter().map(|made| made.join().unwrap()).collect();
        assert!(secrets.iter().all(|secret| *secret == secrets[0]));
    }

    #[test]
    fn a_file_that_holds_something_else_is_named_and_left() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        for text in ["", "\n", "hunter2"] {
            std::fs::write(&path, text).unwrap();
            let error = kept_secret(&path).unwrap_err();
            assert!(matches!(error, SecretError::Short { .. }), "{error}");
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
        }
        let error = kept_secret(folder.path()).unwrap_err();
        assert!(matches!(error, SecretError::File { .. }), "{error}");
    }
}
