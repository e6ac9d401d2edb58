//! One connection after the other, under the same remote.

use crate::dialect::{PATIENCE, join};
use crate::media::{roles, shows, track_of};
use confab_transport::{ConnectionCommand, ConnectionEvent, ConnectionState, RemotePeerEvent, RemotePeerState};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn a_replaced_connection_stays_under_the_same_remote() {
    let (offerer, answerer) = roles();
    let (ann, mut ben) = join(offerer, answerer);
    let (stream, track) = ann.send_video();
    track_of(&mut ben, stream.msid()).await;
    let connected = |event| matches!(event, ConnectionEvent::State(ConnectionState::Connected)).then_some(());
    ben.wait("the connection", connected).await;
    let (remote, mut events) = (ben.remote.clone(), ben.remote.events());

    ann.command(ConnectionCommand::BeginAnew).await;
    ben.wait("the end of the old one", |event| matches!(event, ConnectionEvent::Closed).then_some(())).await;
    // The stream comes again, with the same id, on the new one.
    let again = track_of(&mut ben, stream.msid()).await;
    shows(&track, &again).await;
    assert_eq!((ben.remote == remote, ben.remote.state()), (true, RemotePeerState::Connected));
    let mut seen = Vec::new();
    let mut reset = false;
    let back = async {
        while seen.last() != Some(&RemotePeerState::Connected) || !reset {
            match events.recv().await.expect("it is not over") {
                RemotePeerEvent::StateChange { to, .. } => seen.push(to),
                RemotePeerEvent::ConnectionReset => reset = true,
                RemotePeerEvent::StreamRemoved { .. } => panic!("the stream only comes again"),
                _ => {}
            }
        }
    };
    timeout(PATIENCE, back).await.expect("the way back");
    assert!(seen.ends_with(&[RemotePeerState::Reconnecting, RemotePeerState::Connected]), "{seen:?}");

    ann.command(ConnectionCommand::Close).await;
    ben.command(ConnectionCommand::RemoteLeft).await;
}
