//! Links that people paste, addresses of servers, chat messages and answers of the webview.
#![no_main]

use confab_ipc::frame::MediaRequest;
use confab_wire::call::{ChatMessage, is_chat_text};
use confab_wire::{
    limits,
    room::{RoomId, RoomLink, parse_server},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(link) = text.parse::<RoomLink>() {
        // A link that is shared leads back to the same room.
        assert_eq!(link.to_string().parse::<RoomLink>().as_ref(), Ok(&link), "{text}");
        let app = link.to_app_url();
        assert!(app.len() > limits::LINK_BYTES || app.parse::<RoomLink>().as_ref() == Ok(&link), "{app}");
    }
    if let Ok(room) = text.parse::<RoomId>() {
        assert!(room.as_str().len() <= limits::ROOM_ID_CHARS);
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
    serde_json::from_str::<MediaRequest>(text).ok();
});
