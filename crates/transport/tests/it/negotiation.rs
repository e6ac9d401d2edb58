//! Offers: glare by role, one offer only, ICE restart.

use crate::dialect::join;
use crate::media::{roles, shows, track_of};
use confab_transport::{ConnectionCommand, ConnectionEvent, ConnectionOptions, ConnectionState, Glare, Role};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::sleep;

fn connected(event: ConnectionEvent) -> Option<()> {
    matches!(event, ConnectionEvent::State(ConnectionState::Connected)).then_some(())
}

#[tokio::test(flavor = "multi_thread")]
async fn when_offers_cross_the_side_that_the_dialect_chose_yields() {
    for glare in [Glare::ThisYields, Glare::RemoteYields] {
        let other = if glare == Glare::ThisYields { Glare::RemoteYields } else { Glare::ThisYields };
        let options = |glare| ConnectionOptions { role: Role::Either, glare, ..ConnectionOptions::default() };
        let (mut ann, mut ben) = join(options(glare), options(other));
        // Both have something to send from the beginning, so both offer.
        let ((anns, one), (bens, two)) = (ann.send_video(), ben.send_video());
        let (at_ben, at_ann) = (track_of(&mut ben, anns.msid()).await, track_of(&mut ann, bens.msid()).await);
        shows(&one, &at_ben).await;
        shows(&two, &at_ann).await;
        assert_eq!(
            (ann.remote.polite(), ben.remote.polite()),
            (glare == Glare::ThisYields, glare == Glare::RemoteYields)
        );
        ann.settle().await;
        ben.settle().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dialect_without_renegotiation_makes_one_offer_and_one_answer() {
    let (offerer, answerer) = roles();
    let once = |options| ConnectionOptions { renegotiates: false, replaces: false, ..options };
    let (mut ann, mut ben) = join(once(offerer), once(answerer));
    let (stream, track) = ann.send_video();
    let at_ben = track_of(&mut ben, stream.msid()).await;
    shows(&track, &at_ben).await;
    ann.wait("the connection", connected).await;
    let (_later, _) = ann.send_video();
    ann.command(ConnectionCommand::RestartIce).await;
    sleep(Duration::from_secs(4)).await;
    let sent = |side: &crate::dialect::Side| side.descriptions.load(Ordering::Relaxed);
    assert_eq!((sent(&ann), sent(&ben)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_ice_changes_the_credentials_and_media_goes_on() {
    let (offerer, answerer) = roles();
    let (mut ann, mut ben) = join(offerer, answerer);
    let (stream, track) = ann.send_video();
    let at_ben = track_of(&mut ben, stream.msid()).await;
    ann.wait("the connection", connected).await;
    ann.settle().await;
    let before = ann.ice_fragment().await;
    assert!(before.is_some());
    ann.command(ConnectionCommand::RestartIce).await;
    while ann.ice_fragment().await == before {
        sleep(Duration::from_millis(20)).await;
    }
    ann.settle().await;
    shows(&track, &at_ben).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_nothing_to_offer_yet_waits_until_there_is_something() {
    let (offerer, answerer) = roles();
    // The first offer is the only one.
    let once = |options| ConnectionOptions { renegotiates: false, ..options };
    let (mut ann, mut ben) = join(once(offerer), once(answerer));
    let connecting = |event| matches!(event, ConnectionEvent::State(ConnectionState::Connecting)).then_some(());
    ann.wait("the connection's beginning", connecting).await;
    sleep(Duration::from_millis(300)).await;
    assert_eq!(ann.descriptions.load(Ordering::Relaxed), 0, "an offer without an m-line connects nobody");
    let (stream, track) = ann.send_video();
    let at_ben = track_of(&mut ben, stream.msid()).await;
    shows(&track, &at_ben).await;
}
