//! Opening what is to be played.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, ErrorKind};

/// Opens a file for reading; refuses what is no regular file (a pipe would block).
pub(crate) fn open_file(path: &Path) -> Result<File, Error> {
    let unreadable = |error| Error::with_detail(ErrorKind::FileUnreadable, error);
    if !std::fs::metadata(path).map_err(unreadable)?.is_file() {
        let detail = "a folder, pipe or device, which can't be played in a loop";
        return Err(Error::with_detail(ErrorKind::FileUnreadable, detail));
    }
    File::open(path).map_err(unreadable)
}
