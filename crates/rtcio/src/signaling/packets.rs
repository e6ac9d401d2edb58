//! The few packets of Engine.IO 4 and Socket.IO 5 that say something of the connection itself.

use confab_wire::limits;
use serde::Deserialize;
use std::time::Duration;

/// Longest heartbeat of a server that is believed.
const HEARTBEAT: Duration = Duration::from_secs(24 * 3_600);
/// The packet by which either side ends the connection (Engine.IO `close`).
pub(super) const CLOSE: &str = "1";

/// What the Engine.IO open packet says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handshake {
    /// Milliseconds.
    ping_interval: u64,
    /// Milliseconds.
    ping_timeout: u64,
    sid: String,
}

impl Handshake {
    /// How long a server that is there may say nothing.
    pub(super) fn silence(&self) -> Duration {
        Duration::from_millis(self.ping_interval + self.ping_timeout)
    }
}

/// Reads `0{"sid",…}`. `None` if it is none, or one with numbers that nobody means.
pub(super) fn handshake(text: &str) -> Option<Handshake> {
    let handshake: Handshake = serde_json::from_str(text.strip_prefix('0')?).ok()?;
    let bound = HEARTBEAT.as_millis() as u64;
    let sane = handshake.ping_interval <= bound && handshake.ping_timeout <= bound && !handshake.sid.is_empty();
    sane.then_some(handshake)
}

/// What a packet of the server says of the connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ServerPacket {
    /// The namespace is entered, under this id (`40{"sid"}`).
    Connected(String),
    /// The server ends the connection or puts us out of the namespace.
    Closed,
    /// Something else.
    Other,
}

/// Reads a packet that belongs to `namespace`, which is a path.
pub(super) fn server_packet(text: &str, namespace: &str) -> ServerPacket {
    if text == CLOSE {
        return ServerPacket::Closed;
    }
    let Some(rest) = text.strip_prefix('4') else { return ServerPacket::Other };
    let (kind, rest) = match rest.as_bytes().first() {
        Some(kind @ (b'0' | b'1')) => (*kind, &rest[1..]),
        _ => return ServerPacket::Other,
    };
    let Some(data) = within(rest, namespace) else { return ServerPacket::Other };
    if kind == b'1' {
        return ServerPacket::Closed;
    }
    #[derive(Deserialize)]
    struct Connected {
        sid: String,
    }
    match serde_json::from_str(data) {
        Ok(Connected { sid }) if !sid.is_empty() && sid.len() <= limits::ID_BYTES => ServerPacket::Connected(sid),
        _ => ServerPacket::Other,
    }
}

/// What follows the namespace, if it is ours.
fn within<'a>(rest: &'a str, namespace: &str) -> Option<&'a str> {
    if !rest.starts_with('/') {
        return (namespace == "/").then_some(rest);
    }
    let (of, data) = rest.split_once(',').unwrap_or((rest, ""));
    (of.split('?').next() == Some(namespace)).then_some(data)
}

/// The packet by which a server puts somebody out of `namespace`.
pub(super) fn disconnect(namespace: &str) -> String {
    if namespace == "/" { "41".to_owned() } else { format!("41{namespace},") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_packet_is_that_of_engine_io() {
        let read = |text: &str| handshake(text).map(|handshake| handshake.silence());
        let open = r#"0{"sid":"abc","upgrades":[],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}"#;
        assert_eq!(read(open), Some(Duration::from_secs(45)));
        for wrong in [
            "",
            "0",
            "0{}",
            "40{}",
            "hello",
            r#"0{"sid":"","pingInterval":1,"pingTimeout":1}"#,
            r#"0{"sid":"a","pingInterval":18446744073709551615,"pingTimeout":18446744073709551615}"#,
            r#"0{"sid":"a","pingInterval":-1,"pingTimeout":1}"#,
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn entering_and_leaving_a_namespace_are_seen() {
        let connected = |sid: &str| ServerPacket::Connected(sid.to_owned());
        for (text, namespace, expected) in [
            (r#"40{"sid":"abc"}"#, "/", connected("abc")),
            (r#"40/admin,{"sid":"abc"}"#, "/admin", connected("abc")),
            (r#"40/other,{"sid":"abc"}"#, "/admin", ServerPacket::Other),
            (r#"40{"sid":"abc"}"#, "/admin", ServerPacket::Other),
            (r#"40{"sid":""}"#, "/", ServerPacket::Other),
            (r#"40{"sid":7}"#, "/", ServerPacket::Other),
            ("40", "/", ServerPacket::Other),
            ("41", "/", ServerPacket::Closed),
            ("41/admin,", "/admin", ServerPacket::Closed),
            ("41/admin", "/admin", ServerPacket::Closed),
            ("41/other,", "/", ServerPacket::Other),
            ("1", "/", ServerPacket::Closed),
            (r#"42["40{}"]"#, "/", ServerPacket::Other),
            (r#"44{"message":"no"}"#, "/", ServerPacket::Other),
            ("2", "/", ServerPacket::Other),
            ("4", "/", ServerPacket::Other),
            ("4ü", "/", ServerPacket::Other),
            ("", "/", ServerPacket::Other),
        ] {
            assert_eq!(server_packet(text, namespace), expected, "{text}");
        }
        let long = format!(r#"40{{"sid":"{}"}}"#, "x".repeat(limits::ID_BYTES + 1));
        assert_eq!(server_packet(&long, "/"), ServerPacket::Other);
        assert_eq!((disconnect("/").as_str(), disconnect("/a").as_str()), ("41", "41/a,"));
        assert_eq!(server_packet(&disconnect("/a"), "/a"), ServerPacket::Closed);
    }
}
