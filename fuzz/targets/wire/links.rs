//! Links that people paste, names, addresses of servers and chat messages.
#![no_main]

use confab_wire::call::{ChatMessage, is_chat_text};
use confab_wire::{
    limits, name,
    room::{RoomId, RoomLink, parse_server, typed_server},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(link) = text.parse::<RoomLink>() {
        // A link that is shared leads back to the same room.
        let shared = RoomLink { token: None, ..link.clone() };
        assert_eq!(link.to_string().parse::<RoomLink>().as_ref(), Ok(&shared), "{text}");
        assert_eq!(link.to_app_url().parse::<RoomLink>().as_ref(), Ok(&shared), "{text}");
        let own = link.with_token();
        assert!(own.len() > limits::LINK_BYTES || own.parse::<RoomLink>().as_ref() == Ok(&link), "{own}");
        assert_eq!(RoomLink::at(&link.server, &format!("/r/{}", link.room)).as_ref(), Ok(&shared));
    }
    if let Ok(room) = text.parse::<RoomId>() {
        assert!(room.as_str().len() <= limits::ROOM_ID_CHARS);
    }
    if let Ok(chosen) = name::parse(text) {
        assert!(chosen.chars().count() <= limits::NAME_CHARS);
        assert_eq!(name::parse(&chosen).as_ref(), Ok(&chosen), "{text:?}");
        assert_eq!(name::shown(&chosen).as_ref(), Some(&chosen), "{text:?}");
    }
    if let Some(shown) = name::shown(text) {
        assert!(!shown.trim().is_empty() && shown.chars().count() <= limits::NAME_CHARS);
    }
    for server in typed_server(text).into_iter().flatten() {
        assert_eq!(parse_server(server.as_str()).as_ref(), Ok(&server));
    }
    if let Ok(server) = parse_server(text) {
        assert_eq!(parse_server(server.as_str()).as_ref(), Ok(&server));
    }
    if let Ok(value) = serde_json::from_str(text) {
        if let Some(message) = ChatMessage::parse(&value, "ann", "Ann", 1_000) {
            assert!(is_chat_text(&message.text) && message.id.len() <= limits::ID_BYTES);
        }
        ChatMessage::parse_relayed(&value, 1_000);
    }
});
