//! What devices give on its way to the peers: sound in its track, and the limit that the computer sets for pictures.

use crate::errors::user_error;
use crate::own::device::capture::CarrierTask;
use confab_ipc::UserError;
use confab_media::{AudioCapture, ExpectedLoss, VideoSourceRestrictions};
use confab_rtcio::LocalTrack;
use confab_wire::media::AudioPacket;
use tokio::sync::{mpsc, watch};

/// Keeps the peers to the layers that the computer can encode, and notifies `overloaded` when it can't encode all, until the
/// capture ends.
pub async fn watch_load(
    mut restrictions: watch::Receiver<VideoSourceRestrictions>,
    track: LocalTrack,
    overloaded: mpsc::Sender<()>,
) {
    let mut before = VideoSourceRestrictions::NONE;
    loop {
        let now = *restrictions.borrow_and_update();
        track.set_restrictions(now);
        if before == VideoSourceRestrictions::NONE && now != before {
            // One notification that waits is enough.
            let _ = overloaded.try_send(());
        }
        before = now;
        if restrictions.changed().await.is_err() {
            return;
        }
    }
}

/// Carries what `capture` hears to the peers in `track`, while the result lives, and tells its encoder what they miss. `ended`
/// gets the reason if it ends by itself.
pub fn carry_sound<E>(
    capture: &AudioCapture,
    packets: mpsc::Receiver<AudioPacket>,
    track: LocalTrack,
    ended: impl FnOnce(UserError) -> E + Send + 'static,
) -> CarrierTask
where
    E: Future<Output = ()> + Send,
{
    let (loss, failed) = (capture.expected_loss(), capture.failed());
    let task = tokio::spawn(async move {
        carry(packets, loss, track).await;
        // The packets ended; by whose will?
        let error = failed.borrow().clone();
        if let Some(error) = error {
            ended(user_error(error)).await;
        }
    });
    CarrierTask(task.abort_handle())
}

async fn carry(mut packets: mpsc::Receiver<AudioPacket>, loss: ExpectedLoss, track: LocalTrack) {
    let mut reported = track.expected_loss();
    reported.mark_changed();
    loop {
        tokio::select! {
            packet = packets.recv() => match packet {
                Some(packet) => track.write_audio(packet),
                None => return,
            },
            Ok(()) = reported.changed() => loss.set(*reported.borrow_and_update()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::layers::SpatialLayer;

    #[tokio::test]
    async fn a_computer_that_is_too_busy_is_told_once_until_it_has_recovered() {
        let restrictions = watch::Sender::new(VideoSourceRestrictions::NONE);
        let (overloaded, mut events) = mpsc::channel(4);
        let watching = tokio::spawn(watch_load(restrictions.subscribe(), LocalTrack::simulcast(), overloaded));
        let half = VideoSourceRestrictions { top: SpatialLayer::Half, ..VideoSourceRestrictions::NONE };
        restrictions.send_replace(half);
        assert_eq!(events.recv().await, Some(()));
        restrictions.send_replace(VideoSourceRestrictions { top: SpatialLayer::Quarter, ..half });
        tokio::task::yield_now().await;
        assert!(events.try_recv().is_err(), "more of the same is no news");
        restrictions.send_replace(VideoSourceRestrictions::NONE);
        tokio::task::yield_now().await;
        restrictions.send_replace(half);
        assert_eq!(events.recv().await, Some(()));
        drop(restrictions);
        watching.await.unwrap();
    }
}
