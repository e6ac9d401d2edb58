//! Ways for `fuzz/` into what reads the words of servers and proxies.

use super::dial::tunnel::{Target, http_status, socks5};
use super::packets::{self, ServerPacket};
use confab_wire::limits;
use std::time::Duration;
use tokio::io::{join, sink};

pub(crate) fn server_packet(text: &str) {
    if let Some(handshake) = packets::handshake(text) {
        assert!(handshake.silence() <= Duration::from_secs(48 * 3_600));
    }
    for namespace in ["/", "/admin"] {
        if let ServerPacket::Connected(id) = packets::server_packet(text, namespace) {
            assert!(!id.is_empty() && id.len() <= limits::ID_BYTES);
        }
    }
}

pub(crate) async fn proxy_answer(bytes: &[u8]) {
    http_status(&mut &*bytes).await.ok();
    for credentials in [None, Some(("user", "password"))] {
        // What it is asked goes nowhere.
        let mut stream = join(bytes, sink());
        socks5(&mut stream, &Target::Name("meet.example"), 443, credentials).await.ok();
    }
}
