//! The file of the settings.

use confab_ipc::Settings;
use std::io::{self, Write};
use std::path::Path;

/// Its name in the app's folder.
pub const FILE: &str = "settings.json";
/// Largest settings file that is read, in bytes.
pub const FILE_BYTES: u64 = 64 * 1024;

/// Writes beside and renames over: a crash leaves the old file or the new one, never half of one.
pub fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let beside = path.with_extension("json.new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(settings)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

/// Blocks, as [`write`] does.
pub fn read(path: &Path) -> io::Result<Settings> {
    let size = std::fs::metadata(path)?.len();
    if size > FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{size} bytes are no settings")));
    }
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}
