//! Somebody in the room without an engine: who is offered to, listens, and says what the engine would not.

use super::PATIENCE;
use confab_wire::signaling::MESSAGE;
use futures_util::FutureExt;
use rust_socketio::asynchronous::{Client, ClientBuilder};
use rust_socketio::{Event, Payload, TransportType};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

/// Signaling without an engine: joins the room; gives the client, its id and the signals that come.
pub async fn enter(url: &Url, room: &str) -> (Client, String, mpsc::UnboundedReceiver<Value>) {
    let (opened, mut open) = mpsc::unbounded_channel();
    let (signals, signal) = mpsc::unbounded_channel();
    let client = ClientBuilder::new(url.as_str())
        .transport_type(TransportType::Websocket)
        .reconnect(false)
        .on(Event::Connect, move |_, _| {
            opened.send(()).ok();
            async {}.boxed()
        })
        .on(MESSAGE, move |payload, _| {
            if let Payload::Text(mut args) = payload {
                signals.send(args.remove(0)).ok();
            }
            async {}.boxed()
        })
        .connect()
        .await
        .unwrap();
    timeout(PATIENCE, open.recv()).await.unwrap();
    let (answers, mut answer) = mpsc::unbounded_channel();
    let on_ack = move |payload, _| {
        if let Payload::Text(args) = payload {
            answers.send(args[0][0]["id"].as_str().unwrap().to_owned()).ok();
        }
        async {}.boxed()
    };
    client.emit_with_ack("join-room", json!({ "roomId": room, "name": "Eve" }), PATIENCE, on_ack).await.unwrap();
    let id = timeout(PATIENCE, answer.recv()).await.unwrap().unwrap();
    (client, id, signal)
}
