//! Ours as one side of a data channel, in a process of its own: obeys lines of JSON, and answers each with one.

use crate::Outcome;
use bytes::Bytes;
use confab_rtcio::{BroadcastChannel, ChannelEvent, ChannelEvents, ChannelOptions, Event, Socket};
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;

/// How long anything may take that the other side has to answer.
const PATIENCE: Duration = Duration::from_secs(600);

/// Joins `room`, and then: `{ "do": "serve" }` counts or echoes what comes until the input ends; `{ "do": "send", size,
/// count }` answers with seconds; `{ "do": "echo", size, count }` answers with half the round trips in milliseconds.
pub async fn run(server: &str, room: &str) -> Outcome {
    let (socket, mut events) = Socket::builder(server.parse()?).connect();
    // Chromium refuses what would be more than 16 MiB, rtc.io's own high mark.
    let options = ChannelOptions { high_watermark: 8 << 20, ..ChannelOptions::default() };
    let channel = socket.create_channel("bench", options)?;
    let mut heard = channel.events();
    loop {
        match events.recv().await.ok_or("the socket closed")? {
            Event::Connected { .. } => {
                let request = json!({ "roomId": room, "name": "Ours" });
                let answer = socket.server().emit_with_ack("join-room", vec![request]).await?;
                socket.set_id(answer[0]["id"].as_str().ok_or("not joined")?);
                println!("{}", json!({ "joined": true }));
            }
            Event::PeerConnect { .. } => break,
            _ => {}
        }
    }
    // What else happens must be read, or the peers wait.
    tokio::spawn(async move { while events.recv().await.is_some() {} });
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let command: Value = serde_json::from_str(&line)?;
        let number = |key: &str| command[key].as_u64().unwrap_or_default() as usize;
        let answer = match command["do"].as_str() {
            Some("serve") => {
                serve(&channel, &mut heard).await?;
                json!({})
            }
            Some("send") => json!(send(&channel, &mut heard, number("size"), number("count")).await?),
            Some("echo") => json!(echo(&channel, &mut heard, number("size"), number("count")).await?),
            _ => return Err("an unknown command".into()),
        };
        println!("{answer}");
    }
    socket.close().await;
    Ok(())
}

/// Counts what comes and says so at `end`; after `echo` sends it back instead.
async fn serve(channel: &BroadcastChannel, heard: &mut ChannelEvents) -> Outcome {
    let (mut bytes, mut echoes) = (0, false);
    while let Some(event) = heard.recv().await {
        match event {
            ChannelEvent::Data(data) if echoes => {
                channel.send(data).await;
            }
            ChannelEvent::Data(data) => bytes += data.len(),
            ChannelEvent::Message { event, args } => match event.as_str() {
                "echo" => echoes = args.first() == Some(&json!(true)),
                "end" => {
                    channel.emit("result", vec![json!(bytes)]).await;
                    bytes = 0;
                }
                "bye" => return Ok(()),
                _ => {}
            },
            _ => {}
        }
    }
    Ok(())
}

/// Seconds until the other side has got `count` messages of `size` bytes.
async fn send(channel: &BroadcastChannel, heard: &mut ChannelEvents, size: usize, count: usize) -> Outcome<f64> {
    let message = Bytes::from(vec![0x5a; size]);
    let started = Instant::now();
    for _ in 0..count {
        if !channel.send(message.clone()).await {
            channel.drained().await;
        }
    }
    channel.emit("end", vec![]).await;
    loop {
        if let ChannelEvent::Message { event, args } = next(heard).await?
            && event == "result"
        {
            let seconds = started.elapsed().as_secs_f64();
            let (got, sent) = (args[0].as_u64().unwrap_or_default(), (size * count) as u64);
            return if got == sent { Ok(seconds) } else { Err(format!("{got} of {sent} bytes arrived").into()) };
        }
    }
}

/// Half of each round trip, in milliseconds, of `count` messages of `size` bytes, one at a time.
async fn echo(channel: &BroadcastChannel, heard: &mut ChannelEvents, size: usize, count: usize) -> Outcome<Vec<f64>> {
    let message = Bytes::from(vec![0x5a; size]);
    channel.emit("echo", vec![json!(true)]).await;
    let mut times = Vec::with_capacity(count);
    for _ in 0..count {
        let started = Instant::now();
        channel.send(message.clone()).await;
        while !matches!(next(heard).await?, ChannelEvent::Data(_)) {}
        times.push(started.elapsed().as_secs_f64() * 500.0);
    }
    channel.emit("echo", vec![json!(false)]).await;
    Ok(times)
}

async fn next(heard: &mut ChannelEvents) -> Outcome<ChannelEvent> {
    Ok(timeout(PATIENCE, heard.recv()).await?.ok_or("the channel ended")?)
}
