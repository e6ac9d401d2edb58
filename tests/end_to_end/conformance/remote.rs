//! `RemotePeer`: one object for each other member, whoever's it is.

use crate::conformance::Outcome;
use crate::conformance::world::each_pair;
use confab_rtcio::{RemotePeerEvent, RemotePeerEvents, RemotePeerState};
use confab_testkit::process::PATIENCE;
use serde_json::json;
use tokio::time::timeout;

/// The next event that `pick` takes.
async fn wait<T>(
    what: &str,
    events: &mut RemotePeerEvents,
    pick: impl Fn(&RemotePeerEvent) -> Option<T>,
) -> Outcome<T> {
    let search = async {
        loop {
            let event = events.recv().await.ok_or_else(|| format!("ended before {what}"))?;
            if let Some(found) = pick(&event) {
                return Ok(found);
            }
        }
    };
    timeout(PATIENCE, search).await.map_err(|_| format!("no {what}"))?
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remote_peer_tells_its_states_streams_and_channels() -> Outcome {
    each_pair(async |world, pair, room| {
        let (mut ann, mut ben) = world.pair(pair, room).await?;
        let (ours, other) = if ann.socket().is_some() { (&mut ann, &mut ben) } else { (&mut ben, &mut ann) };
        let Some(socket) = ours.socket().cloned() else { return Ok(()) };
        let remote = socket.remote_peer(other.id()).ok_or("there is no remote peer")?;
        assert_eq!((remote.id(), remote.state()), (other.id(), RemotePeerState::Connected));
        assert_eq!(socket.remote_peers().len(), 1);
        let mut events = remote.events();
        let connected = |event: &RemotePeerEvent| match event {
            RemotePeerEvent::StateChange { to: RemotePeerState::Connected, .. } => Some(()),
            _ => None,
        };
        wait("connected", &mut events, connected).await?;

        let made = other.stream("cam", json!([{ "tone": 440 }]), json!({})).await?;
        other.emit("camera", json!([{ "stream": { "$stream": "cam" }, "name": "someone" }])).await?;
        let added = |event: &RemotePeerEvent| match event {
            RemotePeerEvent::StreamAdded { stream, metadata } => Some((stream.clone(), metadata.clone())),
            _ => None,
        };
        let (stream, metadata) = wait("stream-added", &mut events, added).await?;
        assert_eq!(json!({ "id": stream.id, "msid": stream.msid }), made);
        assert_eq!(metadata.and_then(|fields| fields.get("name").cloned()), Some(json!("someone")));
        other.remove_track("cam", "audio").await?;
        let removed = |event: &RemotePeerEvent| match event {
            RemotePeerEvent::StreamRemoved { stream } => Some(stream.msid.clone()),
            _ => None,
        };
        assert_eq!(wait("stream-removed", &mut events, removed).await?, stream.msid);

        other.channel("chat", "chat", json!({})).await?;
        ours.channel("chat", "chat", json!({})).await?;
        let opened = |event: &RemotePeerEvent| match event {
            RemotePeerEvent::DataChannel { name } => Some(name.clone()),
            _ => None,
        };
        assert_eq!(wait("data-channel", &mut events, opened).await?, "chat");

        other.close().await?;
        let closed = |event: &RemotePeerEvent| match event {
            RemotePeerEvent::StateChange { to: RemotePeerState::Closed, .. } => Some(()),
            _ => None,
        };
        wait("closed", &mut events, closed).await?;
        assert_eq!(remote.state(), RemotePeerState::Closed);
        assert!(timeout(PATIENCE, events.recv()).await?.is_none(), "nothing comes after the end");
        Ok(())
    })
    .await
}
