//! What a browser sees.

use crate::support::{config, http, server};
use confab_server::{OpenRooms, Server, ServerConfig};
use serde_json::{Value, json};

#[tokio::test]
async fn health_is_json() {
    let server = server().await;
    let answer = http(server.local_addr(), "GET /healthz HTTP/1.1").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body, json!({ "ok": true, "name": "confab", "version": env!("CARGO_PKG_VERSION") }));
}

#[tokio::test]
async fn the_page_behind_a_link_opens_the_app_with_that_link() {
    let server = server().await;
    let address = server.local_addr();
    let page = http(address, "GET /r/babad-gutih HTTP/1.1").await;
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    let link = format!("http://{address}/r/babad-gutih");
    let app = page.split_once("href=\"confab:").unwrap().1.split_once('"').unwrap().0;
    let opened: confab_wire::room::RoomLink = format!("confab:{app}").parse().unwrap();
    assert_eq!(opened.to_string(), link);
    assert!(page.contains(&format!(">{link}<")));
    for header in ["default-src 'none'", "no-referrer", "nosniff", "no-store"] {
        assert!(page.contains(header), "{header}");
    }
    assert!(!page.contains("<script") && !page.contains("{{"));
}

#[tokio::test]
async fn other_addresses_are_answered_in_words() {
    let server = server().await;
    let address = server.local_addr();
    assert!(http(address, "GET / HTTP/1.1").await.contains("Confab server"));
    for path in ["/r/", "/r/..", "/r/a%20b", "/r/%3Cscript%3E", "/r/a/b", "/nothing", "/r/%ff"] {
        let page = http(address, &format!("GET {path} HTTP/1.1")).await;
        assert!(page.starts_with("HTTP/1.1 404") || page.starts_with("HTTP/1.1 400"), "{path}: {page}");
        assert!(!page.contains("<script"), "{path}");
    }
    let long = "x".repeat(confab_wire::limits::ROOM_ID_CHARS + 1);
    assert!(http(address, &format!("GET /r/{long} HTTP/1.1")).await.starts_with("HTTP/1.1 404"));
}

#[tokio::test]
async fn a_page_of_any_origin_may_connect_but_not_with_credentials() {
    let server = server().await;
    let origin = "\r\nOrigin: https://stock.example.org";
    let open = format!("GET /socket.io/?EIO=4&transport=polling HTTP/1.1{origin}");
    let answer = http(server.local_addr(), &open).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("access-control-allow-origin: *"), "{answer}");
    assert!(!answer.contains("set-cookie") && !answer.contains("allow-credentials"));
    let preflight = format!(
        "OPTIONS /socket.io/?EIO=4&transport=polling HTTP/1.1{origin}\r\nAccess-Control-Request-Method: POST\r\n\
         Access-Control-Request-Headers: content-type"
    );
    let answer = http(server.local_addr(), &preflight).await.to_lowercase();
    assert!(answer.starts_with("http/1.1 200") && answer.contains("access-control-allow-methods: *"), "{answer}");
}

#[tokio::test]
async fn pages_of_others_do_not_find_out_that_a_server_is_here() {
    let server = server().await;
    for path in ["/", "/healthz", "/r/room", "/nothing", "/socket.io-admin"] {
        let answer =
            http(server.local_addr(), &format!("GET {path} HTTP/1.1\r\nOrigin: https://eve.example.org")).await;
        assert!(!answer.to_lowercase().contains("access-control"), "{path}: {answer}");
    }
}

#[tokio::test]
async fn the_page_of_a_room_that_is_not_there_does_not_invite() {
    let open = OpenRooms::default();
    open.open(&"babad-gutih".parse().unwrap());
    let server = Server::bind(ServerConfig { rooms: Some(open), ..config() }).await.unwrap();
    let page = async |room: &str| http(server.local_addr(), &format!("GET /r/{room} HTTP/1.1")).await;
    let invited = page("babad-gutih").await;
    assert!(invited.starts_with("HTTP/1.1 200") && invited.contains("confab:"), "{invited}");
    let other = page("babad-gutik").await;
    assert!(other.starts_with("HTTP/1.1 404") && !other.contains("confab:") && !other.contains("invited"), "{other}");
}

#[tokio::test]
async fn the_pages_name_what_the_app_shows() {
    let sentences = concat!(env!("CARGO_MANIFEST_DIR"), "/../../ui/src/i18n/en.ts");
    let sentences = std::fs::read_to_string(sentences).unwrap();
    let server = server().await;
    let mut named = 0;
    for path in ["/", "/r/room"] {
        let page = http(server.local_addr(), &format!("GET {path} HTTP/1.1")).await;
        assert!(page.contains("<svg"), "the logo");
        for control in page.split("<b class=\"control\">").skip(1) {
            let control = control.split_once('<').unwrap().0;
            assert!(sentences.contains(&format!(": '{control}'")), "there is no {control:?} in the app");
            named += 1;
        }
    }
    assert!(named >= 3);
}
