//! What the examples share: their arguments, and joining a room.

use confab_rtcio::Socket;
use serde_json::{Value, json};
use std::error::Error;
use url::Url;

/// What an example fails with.
pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The command line: the server's URL, a room, and what else the example takes.
pub fn arguments(usage: &str) -> Outcome<(Url, String, Vec<String>)> {
    let mut arguments = std::env::args().skip(1);
    let (Some(url), Some(room)) = (arguments.next(), arguments.next()) else {
        return Err(format!("usage: {usage}").into());
    };
    Ok((Url::parse(&url)?, room, arguments.collect()))
}

/// Joins `room` and tells the socket its id. For each connection to the server.
pub async fn join(socket: &Socket, room: &str, name: &str) -> Outcome<String> {
    let answer = socket.server().emit_with_ack("join-room", vec![json!({ "roomId": room, "name": name })]).await?;
    let welcome = answer.first().unwrap_or(&Value::Null);
    let id = welcome["id"].as_str().ok_or_else(|| format!("the server refused: {welcome}"))?;
    socket.set_id(id);
    say(&json!({ "event": "joined", "id": id }));
    Ok(id.to_owned())
}

/// Prints one line of JSON.
pub fn say(line: &Value) {
    println!("{line}");
}
