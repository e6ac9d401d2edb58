//! Files that hold what people say and show: only the user may read them.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates or overwrites a file that only the user may read and write, also if it was there and others could read it.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::fs::Permissions;
        use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
        let file = options.mode(0o600).open(path)?;
        if file.metadata()?.is_file() {
            file.set_permissions(Permissions::from_mode(0o600))?;
        }
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn nobody_else_may_read_a_recording_new_or_overwritten() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("a.ivf");
        let mode = || std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777;
        create_private(&path).expect("writable");
        assert_eq!(mode(), 0o600);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("allowed");
        create_private(&path).expect("writable");
        assert_eq!(mode(), 0o600);
    }
}
