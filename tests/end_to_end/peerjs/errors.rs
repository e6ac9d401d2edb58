//! What goes wrong, by its names, and what of it ends a peer: ours and the stock client's with the stock server.

use super::Outcome;
use super::world::{World, next, next_of};
use confab_peerjs::{
    ConnectOptions, ConnectionError, DataConnectionEvent, PeerErrorKind, PeerEvent, PeerEvents, Watchdog,
};
use serde_json::json;
use std::time::Duration;

async fn error(events: &mut PeerEvents) -> Outcome<PeerErrorKind> {
    match next(events).await? {
        PeerEvent::Error(error) => Ok(error.kind),
        other => Err(format!("no error: {other:?}").into()),
    }
}

/// The peer is disconnected, and destroyed.
async fn destroyed(events: &mut PeerEvents) -> Outcome {
    assert!(matches!(next(events).await?, PeerEvent::Disconnected { .. }));
    assert!(matches!(next(events).await?, PeerEvent::Close));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_have_the_names_and_the_consequences_of_the_stock_client() -> Outcome {
    let world = World::start(json!({ "concurrent_limit": 4, "expire_timeout": 1000 })).await?;
    let page = world.stock("stock").await?;

    // unavailable-id: to both.
    let (_ours, mut ours) = world.ours("ours").await?;
    let (_taken, mut taken) = world.builder().id("stock").build()?;
    assert_eq!(error(&mut taken).await?, PeerErrorKind::UnavailableId);
    destroyed(&mut taken).await?;
    let second = world.page("second").await?;
    world.begin(&second, json!("ours"), json!({})).await?;
    second.wait("the error", "stock.noted('error', { type: 'unavailable-id' }) && stock.noted('close')").await?;
    second.close().await?;

    // server-error: a key that is not the server's, and too many clients.
    let (_wrong, mut wrong) = world.builder().id("wrong").key("other").build()?;
    assert_eq!(error(&mut wrong).await?, PeerErrorKind::ServerError);
    destroyed(&mut wrong).await?;
    let _others = (world.ours("c").await?, world.ours("d").await?);
    let (_late, mut late) = world.builder().id("late").build()?;
    assert_eq!(error(&mut late).await?, PeerErrorKind::ServerError);
    destroyed(&mut late).await?;

    // server-error: the list of peers is not told. Nothing ends.
    assert_eq!(_ours.list_all_peers().await.unwrap_err().kind, PeerErrorKind::ServerError);
    assert_eq!(error(&mut ours).await?, PeerErrorKind::ServerError);
    assert!(_ours.open());

    // peer-unavailable, after the server gave up.
    let (_ghost, mut of_ghost) = _ours.connect("ghost", ConnectOptions::default())?;
    assert_eq!(error(&mut ours).await?, PeerErrorKind::PeerUnavailable);
    assert_eq!(next_of(&mut of_ghost).await?, DataConnectionEvent::Close);
    page.eval("stock.connect('ghost', {})").await?;
    page.wait("the same error", "stock.noted('error', { type: 'peer-unavailable' })").await?;

    // disconnected, and back under the same id; connections live on meanwhile.
    let (connection, mut of_connection) = _ours.connect("stock", ConnectOptions::default())?;
    assert_eq!(next_of(&mut of_connection).await?, DataConnectionEvent::Open);
    _ours.disconnect();
    assert!(matches!(next(&mut ours).await?, PeerEvent::Disconnected { id } if id.as_deref() == Some("ours")));
    let refused = _ours.connect("stock", ConnectOptions::default()).unwrap_err();
    assert_eq!(refused.kind, PeerErrorKind::Disconnected);
    connection.send("still here").await?;
    page.wait("the value", "stock.data.includes('still here')").await?;
    _ours.reconnect()?;
    assert!(matches!(next(&mut ours).await?, PeerEvent::Open { id } if id == "ours"));

    // not-open-yet and message-too-big are those of the call.
    let json = ConnectOptions { serialization: confab_peerjs::Serialization::Json, ..ConnectOptions::default() };
    let (small, mut of_small) = _ours.connect("stock", json)?;
    assert_eq!(small.send(1).await.unwrap_err().name(), Some("not-open-yet"));
    assert_eq!(next_of(&mut of_small).await?, DataConnectionEvent::Open);
    assert_eq!(small.send("x".repeat(16_298)).await.unwrap_err().name(), Some("message-too-big"));
    small.send("x".repeat(16_297)).await?;
    page.wait("the largest value", "stock.data.some((value) => value.length === 16297)").await?;

    // A page that goes away closes its connections, or vanishes if its browser is faster.
    page.close().await?;
    for events in [&mut of_connection, &mut of_small] {
        let mut last = next_of(events).await?;
        if last == DataConnectionEvent::Error(ConnectionError::NegotiationFailed) {
            last = next_of(events).await?;
        }
        assert_eq!(last, DataConnectionEvent::Close);
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_comes_from_the_server_and_is_taken_over_with_its_token() -> Outcome {
    let world = World::start(json!({ "allow_discovery": true })).await?;
    let (fresh, mut events) = world.builder().build()?;
    let PeerEvent::Open { id } = next(&mut events).await? else { return Err("not open".into()) };
    assert_eq!((id.len(), fresh.id().as_deref()), (36, Some(id.as_str())));
    assert_eq!(fresh.list_all_peers().await?, [id]);

    // The stock server says nothing to who takes an id over.
    let start = || world.builder().id("same").token("secret").build();
    let (_old, mut old_events) = start()?;
    assert!(matches!(next(&mut old_events).await?, PeerEvent::Open { .. }));
    let (_new, mut new_events) = start()?;
    assert!(matches!(next(&mut new_events).await?, PeerEvent::Open { .. }));
    let page = world.stock("stock").await?;
    page.eval("stock.connect('same', {})").await?;
    assert!(matches!(next(&mut new_events).await?, PeerEvent::Connection { .. }));
    page.wait("the connection", "stock.noted('connection-open')").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_crashes_is_noticed() -> Outcome {
    let world = World::start(json!({})).await?;
    let page = world.stock("stock").await?;
    let watchdog = Watchdog { timeout: Duration::from_secs(2), ..Watchdog::default() };
    let (ours, mut events) = world.builder().id("ours").watchdog(watchdog).build()?;
    assert!(matches!(next(&mut events).await?, PeerEvent::Open { .. }));
    let (_connection, mut of_connection) = ours.connect("stock", ConnectOptions::default())?;
    assert_eq!(next_of(&mut of_connection).await?, DataConnectionEvent::Open);
    page.crash().await?;
    let vanished = DataConnectionEvent::Error(ConnectionError::NegotiationFailed);
    assert_eq!(next_of(&mut of_connection).await?, vanished);
    assert_eq!(next_of(&mut of_connection).await?, DataConnectionEvent::Close);
    assert!(ours.connections().is_empty());
    Ok(())
}
