//! M-lines that carry what both sides send.

use crate::dialect::{Side, join};
use crate::media::{roles, shows, track_of};
use confab_transport::{ConnectionEvent, ConnectionOptions, ConnectionState, MediaLines};
use std::sync::atomic::Ordering;
use std::time::Duration;

#[tokio::test(flavor = "multi_thread")]
async fn one_offer_and_one_answer_carry_media_both_ways() {
    let (offerer, answerer) = roles();
    let once = |options| ConnectionOptions {
        renegotiates: false,
        replaces: false,
        media: MediaLines::BothWays,
        answer_timeout: Some(Duration::from_secs(60)),
        ..options
    };
    let (mut ann, mut ben) = join(once(offerer), once(answerer));
    // The answerer's first: it is to be in the answer.
    let (bens, two) = ben.send_video();
    let (anns, one) = ann.send_video();
    let (at_ben, at_ann) = (track_of(&mut ben, anns.msid()).await, track_of(&mut ann, bens.msid()).await);
    shows(&one, &at_ben).await;
    shows(&two, &at_ann).await;
    let sent = |side: &Side| side.descriptions.load(Ordering::Relaxed);
    assert_eq!((sent(&ann), sent(&ben)), (1, 1));
    // What has no m-line in the only offer is not sent, and harms nothing.
    let (_more, _) = ben.send_video();
    ann.settle().await;
    assert_eq!((sent(&ann), sent(&ben)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_waits_for_its_answer_as_long_as_it_is_told() {
    let (offerer, _) = roles();
    let short = Some(Duration::from_millis(300));
    let offerer = ConnectionOptions { renegotiates: false, replaces: false, answer_timeout: short, ..offerer };
    let (_, answerer) = roles();
    let (mut ann, ben) = join(offerer, answerer);
    // The other side is gone before it answers.
    drop(ben);
    let (_stream, _) = ann.send_video();
    let closed = |event| matches!(event, ConnectionEvent::Closed).then_some(());
    ann.wait("the end", closed).await;
    assert!(!matches!(ann.events.try_recv(), Ok(ConnectionEvent::State(ConnectionState::Connected))));
}
