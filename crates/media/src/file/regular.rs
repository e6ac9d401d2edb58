//! Opening what is to be played.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// Opens a file for reading; refuses what is no regular file (a pipe would block).
pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    let with_path =
        |error: String| Error::with_detail(ErrorKind::FileUnreadable, format!("{}: {error}", path.display()));
    let kind = std::fs::metadata(path).map_err(|error| with_path(error.to_string()))?;
    if !kind.is_file() {
        return Err(with_path("not a file".to_owned()));
    }
    File::open(path).map_err(|error| with_path(error.to_string()))
}
