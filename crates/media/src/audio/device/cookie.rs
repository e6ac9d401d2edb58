//! The cookie by which a program proves to PulseAudio that it belongs to the user: 256 bytes in a file.
//!
//! The server (PipeWire's emulation, too) refuses any other length before it looks at anything else, also where it lets in the
//! user by the socket alone. libpulse sends zeros where there is no file; the pulseaudio crate (0.3.2), by which cpal connects,
//! sends nothing, and looks for no file in `$XDG_CONFIG_HOME`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// Bytes of a cookie (`PA_NATIVE_COOKIE_LENGTH`).
pub(crate) const LENGTH: usize = 256;
/// Variable that names the file.
const VARIABLE: &str = "PULSE_COOKIE";

/// Where the environment says that cookies are, as `std::env::var_os` reads it.
#[derive(Debug, Default)]
struct Places {
    named: Option<PathBuf>,
    config_home: Option<PathBuf>,
    home: Option<PathBuf>,
}

impl Places {
    fn from_environment() -> Self {
        let path = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        Self {
            named: path(VARIABLE),
            // A relative one is invalid (XDG Base Directory Specification).
            config_home: path("XDG_CONFIG_HOME").filter(|path| path.is_absolute()),
            home: std::env::home_dir(),
        }
    }

    /// In the order of libpulse.
    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let in_home = |name: &str| self.home.as_deref().map(|home| home.join(name));
        let in_config = self.config_home.as_deref().map(|config| config.join("pulse/cookie"));
        [self.named.clone(), in_config, in_home(".config/pulse/cookie"), in_home(".pulse-cookie")].into_iter().flatten()
    }

    /// The first file that holds a cookie.
    fn file(&self) -> Option<(PathBuf, Vec<u8>)> {
        self.files().find_map(|file| Some((read(&file)?, file))).map(|(cookie, file)| (file, cookie))
    }

    /// The file that the pulseaudio crate reads.
    fn of_the_crate(&self) -> Option<PathBuf> {
        let without_config = Self { named: self.named.clone(), config_home: None, home: self.home.clone() };
        without_config.files().find(|file| file.exists())
    }
}

/// A cookie of the right length, of a file that is no device.
fn read(file: &Path) -> Option<Vec<u8>> {
    let is_cookie = std::fs::metadata(file).ok().filter(|found| found.is_file())?.len() == LENGTH as u64;
    std::fs::read(file).ok().filter(|cookie| is_cookie && cookie.len() == LENGTH)
}

/// What to send to the server: the user's cookie, or zeros where there is none.
pub(crate) fn cookie() -> Vec<u8> {
    Places::from_environment().file().map_or_else(|| vec![0; LENGTH], |(_, cookie)| cookie)
}

/// A variable and the value that it must have for the pulseaudio crate to send a whole cookie; `None` if it does so anyway.
pub(crate) fn for_environment() -> Option<(&'static str, OsString)> {
    let places = Places::from_environment();
    let file = places.file().map(|(file, _)| file);
    if file.is_some() && file == places.of_the_crate() {
        return None;
    }
    let file = file.or_else(|| zeros().inspect_err(|error| tracing::warn!(%error, "no cookie for PulseAudio")).ok())?;
    Some((VARIABLE, file.into_os_string()))
}

/// A file of zeros in memory, which lives as long as the program.
fn zeros() -> std::io::Result<PathBuf> {
    use std::io::Write;
    use std::os::fd::AsRawFd;
    use std::sync::OnceLock;
    static ZEROS: OnceLock<std::fs::File> = OnceLock::new();

    let mut file = std::fs::File::from(rustix::fs::memfd_create("pulse-cookie", rustix::fs::MemfdFlags::CLOEXEC)?);
    file.write_all(&[0; LENGTH])?;
    let file = ZEROS.get_or_init(|| file);
    Ok(PathBuf::from(format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(file: &Path, length: usize) -> PathBuf {
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, vec![7; length]).expect("writable");
        file.to_owned()
    }

    #[test]
    fn the_first_whole_cookie_counts() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let home = dir.path().join("home");
        let mut places = Places { home: Some(home.clone()), ..Places::default() };
        assert_eq!((places.file(), places.of_the_crate()), (None, None));
        let old = put(&home.join(".pulse-cookie"), LENGTH);
        assert_eq!(places.file(), Some((old.clone(), vec![7; LENGTH])));
        let usual = put(&home.join(".config/pulse/cookie"), 0);
        assert_eq!(places.file().map(|(file, _)| file), Some(old), "an empty one is none");
        assert_eq!(places.of_the_crate(), Some(usual.clone()), "to the crate it is one");
        put(&usual, LENGTH);
        places.config_home = Some(dir.path().join("config"));
        assert_eq!(places.file().map(|(file, _)| file), Some(usual.clone()));
        let moved = put(&dir.path().join("config/pulse/cookie"), LENGTH);
        assert_eq!(places.file().map(|(file, _)| file), Some(moved));
        assert_eq!(places.of_the_crate(), Some(usual));
        places.named = Some(put(&dir.path().join("named"), LENGTH));
        assert_eq!(places.file().map(|(file, _)| file), places.named);
        places.named = Some("/dev/zero".into());
        assert!(places.file().is_some_and(|(file, _)| file != Path::new("/dev/zero")));
    }

    #[test]
    fn zeros_are_read_as_often_as_one_likes() {
        let file = zeros().expect("a file in memory");
        for _ in 0..2 {
            assert_eq!(read(&file), Some(vec![0; LENGTH]));
        }
    }
}
