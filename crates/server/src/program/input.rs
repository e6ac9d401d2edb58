//! What arguments name: files with keys, and JSON.

use confab_server::SECRET_BYTES;
use serde_json::{Map, Value};
use std::path::Path;

pub fn json_object(text: &str) -> Result<Map<String, Value>, String> {
    serde_json::from_str(text).map_err(|error| format!("not a JSON object: {error}"))
}

/// Reads a key; a line break at its end, as editors leave one, is not part of it.
pub fn read_key(path: &Path) -> Result<Vec<u8>, String> {
    let key = std::fs::read(path).map_err(|error| format!("the key file {} can't be read: {error}", path.display()))?;
    let key = key.trim_ascii_end().to_vec();
    if key.len() < SECRET_BYTES {
        return Err(format!("the key in {} has {} bytes; it needs {SECRET_BYTES}", path.display(), key.len()));
    }
    Ok(key)
}
