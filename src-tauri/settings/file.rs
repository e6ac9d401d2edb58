//! The file of the settings: readable by its owner only, since it tells whom one calls, and written whole or not at all.

use confab_ipc::Settings;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Its name in the app's folder.
pub const FILE: &str = "settings.json";
/// Largest settings file that is read, in bytes.
pub const FILE_BYTES: u64 = 64 * 1024;
/// Begin and end of the names of files that become the settings when they are whole.
const BESIDE: (&str, &str) = (".settings-", ".new");
/// A file beside the settings that is older was left by a crash.
const LEFT_BEHIND: Duration = Duration::from_secs(3600);

/// Writes beside and renames over: a crash leaves the old file or the new one, never half of one. Each write has a file of its own
/// beside, so one that hung and another after it do not write into each other.
pub fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    let dir = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(dir)?;
    // Made with the rights 0600.
    let mut beside = tempfile::Builder::new().prefix(BESIDE.0).suffix(BESIDE.1).tempfile_in(dir)?;
    beside.write_all(&serde_json::to_vec_pretty(settings)?)?;
    beside.as_file().sync_all()?;
    beside.persist(path).map_err(|failed| failed.error)?;
    // The new name is on the disk, too, where the system can say so.
    #[cfg(unix)]
    if let Ok(dir) = File::open(dir) {
        let _ = dir.sync_all();
    }
    Ok(())
}

/// Blocks, as [`write`] does.
pub fn read(path: &Path) -> io::Result<Settings> {
    let invalid = |why: String| io::Error::new(io::ErrorKind::InvalidData, why);
    // A pipe would be waited for.
    if !fs::metadata(path)?.is_file() {
        return Err(invalid("it is no file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(path)?.take(FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES {
        return Err(invalid(format!("more than {FILE_BYTES} bytes are no settings")));
    }
    parse(&bytes)
}

/// Reads settings of a file.
pub fn parse(bytes: &[u8]) -> io::Result<Settings> {
    Ok(serde_json::from_slice(bytes)?)
}

/// Takes the settings from other people of this computer, whom an earlier version let read them, and removes what crashes left.
pub fn tidy(path: &Path) {
    #[cfg(unix)]
    for path in [path, &path.with_extension("json.bak")] {
        use std::os::unix::fs::PermissionsExt;
        let open_to_others =
            fs::symlink_metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o077 != 0);
        if open_to_others && let Err(error) = fs::set_permissions(path, fs::Permissions::from_mode(0o600)) {
            tracing::warn!(%error, path = %path.display(), "others can read the settings");
        }
    }
    let Some(files) = path.parent().and_then(|dir| fs::read_dir(dir).ok()) else { return };
    for file in files.flatten() {
        let name = file.file_name();
        let beside = name.to_str().is_some_and(|name| name.starts_with(BESIDE.0) && name.ends_with(BESIDE.1));
        let written = file.metadata().and_then(|metadata| metadata.modified()).ok();
        let age = written.and_then(|written| SystemTime::now().duration_since(written).ok());
        if beside && age.is_some_and(|age| age > LEFT_BEHIND) {
            let _ = fs::remove_file(file.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};

    fn settings(name: &str) -> Settings {
        Settings { name: name.to_owned(), ..Settings::default() }
    }

    #[test]
    fn writers_at_the_same_time_never_leave_half_a_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        write(&path, &settings("first")).unwrap();
        let over = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let writers: Vec<_> = [1, 900, 20_000]
                .map(|length| {
                    let path = &path;
                    scope.spawn(move || (0..40).for_each(|_| write(path, &settings(&"x".repeat(length))).unwrap()))
                })
                .into();
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    read(&path).unwrap();
                }
            });
            writers.into_iter().for_each(|writer| writer.join().unwrap());
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing but the file itself");
    }

    #[test]
    fn a_write_that_fails_leaves_the_old_file_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(FILE);
        fs::create_dir(&path).unwrap();
        assert!(write(&path, &settings("Ann")).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing is left beside it");
        assert!(read(&path).is_err(), "a folder is no file");
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_can_read_the_settings() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let (path, kept) = (dir.path().join(FILE), dir.path().join("settings.json.bak"));
        write(&path, &settings("Ann")).unwrap();
        assert_eq!(mode(&path), 0o600);
        // As an earlier version left them.
        for path in [&path, &kept] {
            fs::write(path, "{}").unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
        }
        tidy(&path);
        assert_eq!((mode(&path), mode(&kept)), (0o600, 0o600));
    }

    #[test]
    fn what_a_crash_left_goes_and_what_is_being_written_stays() {
        let dir = tempfile::tempdir().unwrap();
        let (old, new) = (dir.path().join(".settings-a.new"), dir.path().join(".settings-b.new"));
        for path in [&old, &new] {
            fs::write(path, "{").unwrap();
        }
        File::options().write(true).open(&old).unwrap().set_modified(SystemTime::now() - 2 * LEFT_BEHIND).unwrap();
        tidy(&dir.path().join(FILE));
        assert!(!old.exists() && new.exists());
    }
}
