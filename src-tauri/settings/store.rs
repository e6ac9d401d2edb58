//! The settings of this run.

use super::file::{FILE, read, tidy, write as write_to};
use super::writer::{Save, Write, Writer};
use confab_ipc::{ErrorCode, ErrorReason, RecentRoom, Settings, UserError};
use confab_wire::{
    name,
    room::{RoomLink, parse_server},
};
use std::io;
use std::path::Path;
use std::sync::Arc;

/// The settings and the file they live in.
pub struct Store {
    settings: Settings,
    write: Write,
    /// Started with the first save.
    writer: Option<Writer>,
}

impl Store {
    /// Reads the settings of `dir`. A file that cannot be used is kept beside as `settings.json.bak`; one starts with
    /// fresh settings then, and the second value says so.
    pub fn open(dir: &Path) -> (Self, Option<UserError>) {
        let path = dir.join(FILE);
        tidy(&path);
        let (settings, problem) = match read(&path) {
            Ok(settings) => (settings, None),
            Err(error) if error.kind() == io::ErrorKind::NotFound => (Settings::default(), None),
            Err(error) => {
                let problem = match std::fs::rename(&path, path.with_extension("json.bak")) {
                    Ok(()) => UserError::new(ErrorCode::SettingsReset),
                    Err(_) => ErrorReason::SettingsFileStays.into(),
                };
                (Settings::default(), Some(problem.detail(format!("{}: {error}", path.display()))))
            }
        };
        let write = move |settings: &Settings| {
            write_to(&path, settings)
                .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
        };
        (Self::new(settings.bounded(), Arc::new(write)), problem)
    }

    pub(crate) fn new(settings: Settings, write: Write) -> Self {
        Self { settings, write, writer: None }
    }

    /// The settings as they are now.
    pub fn get(&self) -> &Settings {
        &self.settings
    }

    /// Takes settings from the user interface. They hold for this run at once, whatever becomes of the save. Fails with `BadName`
    /// or `BadServer`. Needs a Tokio runtime, as everything that saves.
    pub fn replace(&mut self, settings: Settings) -> Result<Save, UserError> {
        if !settings.name.trim().is_empty() {
            name::parse(&settings.name)?;
        }
        if let Some(server) = settings.server.as_deref().map(str::trim).filter(|server| !server.is_empty()) {
            parse_server(server)?;
        }
        self.settings = settings.bounded();
        Ok(self.save())
    }

    /// Remembers a call: the name used, and its room as the newest. It holds for this run at once, whatever becomes of the save.
    pub fn remember(&mut self, name: &str, link: &RoomLink, now_ms: u64) -> Save {
        name.clone_into(&mut self.settings.name);
        let link = link.to_string();
        self.settings.recent.retain(|room| room.link != link);
        self.settings.recent.insert(0, RecentRoom { link, at: now_ms });
        self.settings.recent.truncate(Settings::RECENT_ROOMS);
        self.save()
    }

    /// Returns when the last save has ended, or was given up. Without one there is nothing to wait for.
    pub async fn flush(&self) {
        if let Some(writer) = &self.writer {
            // The outcome is reported to the caller of the save.
            let _ = writer.latest().outcome().await;
        }
    }

    fn save(&mut self) -> Save {
        let writer = self.writer.get_or_insert_with(|| Writer::start(Arc::clone(&self.write)));
        writer.save(self.settings.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::super::file::FILE_BYTES;
    use super::*;
    use confab_testkit::sentences::sentence;

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
            .unwrap()
            .outcome()
            .await
            .unwrap();
        store.remember("Ann B", &link(1), 5).outcome().await.unwrap();
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
            store.remember("Ann", &link(room), at as u64).outcome().await.unwrap();
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
            assert!(sentence(&problem.unwrap()).contains("settings.json.bak"));
            assert_eq!(std::fs::read(dir.path().join("settings.json.bak")).unwrap(), content);
            store.remember("Ann", &link(1), 0).outcome().await.unwrap();
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
        assert_eq!(store.replace(bad(&"x".repeat(65), "")).unwrap_err().code, ErrorCode::BadName);
        assert_eq!(store.replace(bad("\u{3164}", "")).unwrap_err().reason(), Some(ErrorReason::NameInvisible));
        assert_eq!(store.replace(bad("Ann", "nonsense")).unwrap_err().code, ErrorCode::BadServer);
        assert_eq!(store.get(), &Settings::default());
        store.replace(bad("", " ")).unwrap().outcome().await.unwrap();
        assert_eq!(store.get().server, None);
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("file");
        std::fs::write(&file, "").unwrap();
        let (mut store, _) = Store::open(&file);
        let error = store.remember("Ann", &link(1), 0).outcome().await.unwrap_err();
        assert_eq!(error.code, ErrorCode::SettingsNotSaved);
        assert_eq!(store.get().name, "Ann", "for this run the name holds");
    }
}
