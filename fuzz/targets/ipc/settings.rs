//! Settings files, which people may edit.
#![no_main]

use confab_ipc::Settings;
use confab_wire::{limits, room::RoomLink};
use libfuzzer_sys::fuzz_target;

/// Largest settings file that is read again (src-tauri/settings/file.rs).
const FILE_BYTES: usize = 64 * 1024;

fuzz_target!(|data: &[u8]| {
    let Ok(settings) = serde_json::from_slice::<Settings>(data) else { return };
    let bounded = settings.bounded();
    assert!(bounded.name.chars().count() <= limits::NAME_CHARS);
    assert!(bounded.recent.len() <= Settings::RECENT_ROOMS);
    for room in &bounded.recent {
        assert_eq!(room.link.parse::<RoomLink>().map(|link| link.to_string()).as_ref(), Ok(&room.link));
    }
    // What is written is read again as it was.
    let written = serde_json::to_vec_pretty(&bounded).unwrap();
    assert!(written.len() <= FILE_BYTES, "{}", written.len());
    let again: Settings = serde_json::from_slice(&written).unwrap();
    assert_eq!(again.bounded(), bounded);
});
