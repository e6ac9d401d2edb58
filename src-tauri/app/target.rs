//! Where a link leads, as far as this app knows its server.

use confab_ipc::{RoomTarget, Settings};
use confab_wire::room::{RoomLink, is_private, parse_server};

/// Characters of a text that is no link, which are shown for mending.
const SHOWN: usize = 1_000;

/// The room of `link`, and whether its server is known: one was there before, chose it in the settings, or it is this computer.
pub fn room_target(link: &RoomLink, settings: &Settings) -> RoomTarget {
    let recent = settings.recent.iter().filter_map(|room| room.link.parse::<RoomLink>().ok()).map(|link| link.server);
    let own = settings.server.iter().filter_map(|server| parse_server(server).ok());
    let known = recent.chain(own).any(|server| server == link.server) || crate::hosting::is_own(link);
    RoomTarget {
        link: link.with_token(),
        host: link.host(),
        room: link.room.to_string(),
        private: is_private(&link.server),
        known,
    }
}

/// A text to be mended, bounded.
pub fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(SHOWN).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_ipc::RecentRoom;

    #[test]
    fn a_server_is_known_where_one_was_and_where_one_chose_it() {
        let settings = Settings {
            server: Some("https://own.example/".into()),
            recent: vec![RecentRoom { link: "http://was.example:7420/r/x".into(), at: 1 }],
            ..Settings::default()
        };
        let target = |text: &str| room_target(&text.parse().unwrap(), &settings);
        for text in ["http://was.example:7420/r/other", "https://own.example/r/a", "http://127.0.0.1:7420/r/a"] {
            assert!(target(text).known, "{text}");
        }
        for text in
            ["http://was.example/r/x", "http://own.example/r/a", "https://203.0.113.1/r/a", "http://evil.example/r/x"]
        {
            assert!(!target(text).known, "{text}");
        }
        let plain = target("http://was.example:7420/r/x#token=t");
        assert_eq!((plain.host.as_str(), plain.room.as_str(), plain.private), ("was.example:7420", "x", false));
        assert_eq!(plain.link, "http://was.example:7420/r/x#token=t");
        assert!(target("https://203.0.113.1/r/a").private);
    }
}
