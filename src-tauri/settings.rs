//! What is remembered between two starts: one JSON file, written whole or not at all.

use confab_ipc::{ErrorCode, RecentRoom, Settings, UserError};
use confab_wire::{
    limits,
    room::{RoomLink, parse_server},
};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::time::timeout;

/// Rooms that are remembered; the oldest go first.
pub const RECENT_ROOMS: usize = 8;
/// Largest settings file that is read, in bytes.
const FILE_BYTES: u64 = 64 * 1024;
/// How long a write may take.
const SAVE_TIMEOUT: Duration = Duration::from_secs(3);
const FILE: &str = "settings.json";

/// The settings and the file they live in.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    settings: Settings,
}

impl Store {
    /// Reads the settings of `dir`. A file that cannot be used is kept beside as `settings.json.bak`; one starts with
    /// fresh settings then, and the second value says so.
    pub fn open(dir: &Path) -> (Self, Option<UserError>) {
        let path = dir.join(FILE);
        let (settings, problem) = match read(&path) {
            Ok(settings) => (settings, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Settings::default(), None),
            Err(error) => {
                let kept = match std::fs::rename(&path, path.with_extension("json.bak")) {
                    Ok(()) => "The old file is kept as settings.json.bak.",
                    Err(_) => "The old file stays until you save new settings.",
                };
                let mut problem = UserError::with_message(
                    ErrorCode::SettingsNotSaved,
                    format!("Your settings could not be read, so Confab starts with fresh ones. {kept}"),
                );
                problem.detail = Some(format!("{}: {error}", path.display()));
                (Settings::default(), Some(problem))
            }
        };
        (Self { path, settings: clean(settings) }, problem)
    }

    /// The settings as they are now.
    pub fn get(&self) -> &Settings {
        &self.settings
    }

    /// Takes settings from the user interface. Fails with `BadName` or `BadServer` before, and with
    /// `SettingsNotSaved` after they took effect for this run.
    pub async fn replace(&mut self, settings: Settings) -> Result<(), UserError> {
        let name = settings.name.trim();
        if !name.is_empty() && !limits::is_clean(name, limits::NAME_CHARS) {
            return Err(ErrorCode::BadName.into());
        }
        if let Some(server) = settings.server.as_deref().map(str::trim).filter(|server| !server.is_empty()) {
            parse_server(server)?;
        }
        self.settings = clean(settings);
        self.save().await
    }

    /// Remembers a call: the name used, and its room as the newest. Fails with `SettingsNotSaved` after it took effect
    /// for this run.
    pub async fn remember(&mut self, name: &str, link: &RoomLink, now_ms: u64) -> Result<(), UserError> {
        name.clone_into(&mut self.settings.name);
        let link = link.to_string();
        self.settings.recent.retain(|room| room.link != link);
        self.settings.recent.insert(0, RecentRoom { link, at: now_ms });
        self.settings.recent.truncate(RECENT_ROOMS);
        self.save().await
    }

    async fn save(&self) -> Result<(), UserError> {
        let failed = |why: String| UserError::with_detail(ErrorCode::SettingsNotSaved, why);
        let (path, settings) = (self.path.clone(), self.settings.clone());
        let writing = tokio::task::spawn_blocking(move || {
            write(&path, &settings).map_err(|error| format!("{}: {error}", path.display()))
        });
        match timeout(SAVE_TIMEOUT, writing).await {
            Ok(Ok(written)) => written.map_err(failed),
            Ok(Err(error)) => Err(failed(error.to_string())),
            Err(_) => Err(failed("the disk did not answer in time".to_owned())),
        }
    }
}

/// Writes beside and renames over: a crash leaves the old file or the new one, never half of one.
fn write(path: &Path, settings: &Settings) -> io::Result<()> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    let beside = path.with_extension("json.new");
    let mut file = std::fs::File::create(&beside)?;
    file.write_all(&serde_json::to_vec_pretty(settings)?)?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

fn read(path: &Path) -> io::Result<Settings> {
    let size = std::fs::metadata(path)?.len();
    if size > FILE_BYTES {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("{size} bytes are no settings")));
    }
    Ok(serde_json::from_slice(&std::fs::read(path)?)?)
}

/// Brings settings, from a file that people may edit or from the user interface, into bounds.
fn clean(settings: Settings) -> Settings {
    let name = settings.name.trim();
    let name = if limits::is_clean(name, limits::NAME_CHARS) { name.to_owned() } else { String::new() };
    let server = settings.server.and_then(|server| parse_server(&server).ok()).map(|server| server.to_string());
    let mut recent: Vec<RecentRoom> = Vec::new();
    for room in settings.recent {
        let Ok(link) = room.link.parse::<RoomLink>().map(|link| link.to_string()) else { continue };
        if recent.len() < RECENT_ROOMS && recent.iter().all(|known| known.link != link) {
            recent.push(RecentRoom { link, at: room.at });
        }
    }
    let device = |id: Option<String>| id.filter(|id| limits::is_clean(id, limits::ID_BYTES));
    Settings {
        name,
        server,
        recent,
        microphone: device(settings.microphone),
        speaker: device(settings.speaker),
        camera: device(settings.camera),
        ..settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(room: usize) -> RoomLink {
        format!("http://host:7420/r/room-{room}").parse().unwrap()
    }

    #[tokio::test]
    async fn what_was_saved_is_there_at_the_next_start() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("new/folder");
        let (mut store, problem) = Store::open(&data);
        assert_eq!((store.get(), problem), (&Settings::default(), None));
        store
            .replace(Settings {
                name: " Ann ".into(),
                server: Some("https://h/x".into()),
                recent: vec![],
                ..Settings::default()
            })
            .await
            .unwrap();
        store.remember("Ann B", &link(1), 5).await.unwrap();
        let (again, problem) = Store::open(&data);
        assert_eq!(problem, None);
        assert_eq!(again.get().name, "Ann B");
        assert_eq!(again.get().server.as_deref(), Some("https://h/"));
        assert_eq!(again.get().recent, [RecentRoom { link: link(1).to_string(), at: 5 }]);
        assert_eq!(std::fs::read_dir(&data).unwrap().count(), 1, "nothing but the file itself");
    }

    #[tokio::test]
    async fn the_newest_rooms_come_first_and_once() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path());
        for (at, room) in [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 5].into_iter().enumerate() {
            store.remember("Ann", &link(room), at as u64).await.unwrap();
        }
        let rooms: Vec<_> = store.get().recent.iter().map(|room| room.link.rsplit('-').next().unwrap()).collect();
        assert_eq!(rooms, ["5", "10", "9", "8", "7", "6", "4", "3"]);
    }

    #[tokio::test]
    async fn a_spoiled_file_is_kept_aside_and_named() {
        for content in [&b"{ not json"[..], b"3", b"\xff\xfe", &[b' '; FILE_BYTES as usize + 1]] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(FILE), content).unwrap();
            let (mut store, problem) = Store::open(dir.path());
            assert_eq!(store.get(), &Settings::default());
            assert!(problem.unwrap().message.contains("settings.json.bak"));
            assert_eq!(std::fs::read(dir.path().join("settings.json.bak")).unwrap(), content);
            store.remember("Ann", &link(1), 0).await.unwrap();
            assert_eq!(Store::open(dir.path()).1, None);
        }
    }

    #[test]
    fn bad_values_in_the_file_fall_away_one_by_one() {
        let dir = tempfile::tempdir().unwrap();
        let json = r#"{ "name": "\u0000", "server": "ftp://x", "unknown": 1,
            "recent": [{ "link": "javascript:1", "at": 1 }, { "link": "http://h/r/a", "at": 2 }] }"#;
        std::fs::write(dir.path().join(FILE), json).unwrap();
        let (store, problem) = Store::open(dir.path());
        assert_eq!(problem, None);
        let recent = vec![RecentRoom { link: "http://h/r/a".into(), at: 2 }];
        assert_eq!(store.get(), &Settings { recent, ..Settings::default() });
    }

    #[tokio::test]
    async fn bad_values_from_the_window_are_refused_and_nothing_changes() {
        let dir = tempfile::tempdir().unwrap();
        let (mut store, _) = Store::open(dir.path());
        let bad = |name: &str, server: &str| Settings {
            name: name.into(),
            server: Some(server.into()).filter(|server: &String| !server.is_empty()),
            ..Settings::default()
        };
        assert_eq!(store.replace(bad(&"x".repeat(65), "")).await.unwrap_err().code, ErrorCode::BadName);
        assert_eq!(store.replace(bad("Ann", "nonsense")).await.unwrap_err().code, ErrorCode::BadServer);
        assert_eq!(store.get(), &Settings::default());
        store.replace(bad("", " ")).await.unwrap();
        assert_eq!(store.get().server, None);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let (mut store, _) = Store::open(&file);
        let error = store.remember("Ann", &link(1), 0).await.unwrap_err();
        assert_eq!(error.code, ErrorCode::SettingsNotSaved);
        assert_eq!(store.get().name, "Ann", "for this run the name holds");
    }
}
