//! What goes out: one stream with microphone and camera, each encoded once for everybody.

use crate::call::TrackFrame;
use crate::own::device::slot::Pump;
use crate::own::preview::PreviewSwitch;
use confab_ipc::{UserError, frame::SELF_TRACK};
use confab_media::{AudioCapture, ExpectedLoss, Relief, VideoEvent};
use confab_rtcio::LocalTrack;
use confab_wire::{ladder::SPATIAL_LAYERS, media::AudioPacket};
use tokio::sync::{broadcast, mpsc, watch};

/// What a device says by itself.
#[derive(Debug)]
pub enum DeviceEvent {
    /// The microphone of this generation stopped.
    MicEnded(u64, UserError),
    /// The camera of this generation stopped.
    CameraEnded(u64, UserError),
    /// The computer can't encode everything that is wanted.
    Overloaded,
}

/// Keeps the peers to the layers that the computer can encode, and says when it can't encode all, until the camera ends.
pub async fn watch_load(mut relief: watch::Receiver<Relief>, track: LocalTrack, events: mpsc::Sender<DeviceEvent>) {
    let mut before = Relief::NONE;
    loop {
        let now = *relief.borrow_and_update();
        track.set_relief(now);
        if before == Relief::NONE && now != before && events.send(DeviceEvent::Overloaded).await.is_err() {
            return;
        }
        before = now;
        if relief.changed().await.is_err() {
            return;
        }
    }
}

/// Where the frames of a camera go.
pub struct Way {
    /// To the others, while `sending`.
    pub track: LocalTrack,
    pub sending: watch::Receiver<bool>,
    /// To the own window, as it wants them.
    pub preview: PreviewSwitch,
    pub window: broadcast::Sender<TrackFrame>,
}

/// Carries camera frames, `first` before the others, to the peers and to the own window until the camera ends.
pub async fn pump_camera(
    generation: u64,
    (mut first, mut events): (Option<VideoEvent>, mpsc::Receiver<VideoEvent>),
    way: Way,
    told: mpsc::Sender<DeviceEvent>,
) {
    let mut shown = None;
    // Layers that the peers can follow: they had a key frame since one began to send.
    let mut sent = [false; SPATIAL_LAYERS];
    loop {
        let event = match first.take() {
            Some(event) => Some(event),
            None => events.recv().await,
        };
        match event {
            Some(VideoEvent::Frame(frame)) => {
                let layer = frame.layer.spatial;
                let follows = &mut sent[layer.index()];
                *follows = *way.sending.borrow() && (*follows || frame.key);
                if *follows {
                    way.track.write_frame(frame.clone());
                }
                if frame.key {
                    way.preview.set_full(layer.full_size((frame.width.into(), frame.height.into())));
                    if Some(layer) == way.preview.layer() {
                        shown = Some(layer);
                    }
                }
                if Some(layer) == shown {
                    // No window is no error.
                    let _ = way.window.send(TrackFrame { handle: SELF_TRACK, frame });
                }
            }
            Some(VideoEvent::Failed(error)) => {
                let _ = told.send(DeviceEvent::CameraEnded(generation, error)).await;
                return;
            }
            None => return,
        }
    }
}

/// Carries what `capture` hears to the peers in `track`, while the result lives, and tells its encoder what they miss. Why it
/// ends by itself is told to `ended`.
pub fn pump_sound<E>(
    capture: &AudioCapture,
    packets: mpsc::Receiver<AudioPacket>,
    track: LocalTrack,
    ended: impl FnOnce(UserError) -> E + Send + 'static,
) -> Pump
where
    E: Future<Output = ()> + Send,
{
    let (loss, failed) = (capture.expected_loss(), capture.failed());
    let pump = tokio::spawn(async move {
        carry(packets, loss, track).await;
        // The packets ended; by whose will?
        let error = failed.borrow().clone();
        if let Some(error) = error {
            ended(error).await;
        }
    });
    Pump(pump.abort_handle())
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
    use confab_wire::ladder::SpatialLayer;

    #[tokio::test]
    async fn a_computer_that_is_too_busy_is_told_once_until_it_has_recovered() {
        let relief = watch::Sender::new(Relief::NONE);
        let (told, mut events) = mpsc::channel(4);
        let watching = tokio::spawn(watch_load(relief.subscribe(), LocalTrack::simulcast(), told));
        let half = Relief { top: SpatialLayer::Half, ..Relief::NONE };
        relief.send_replace(half);
        assert!(matches!(events.recv().await, Some(DeviceEvent::Overloaded)));
        relief.send_replace(Relief { top: SpatialLayer::Quarter, ..half });
        tokio::task::yield_now().await;
        assert!(events.try_recv().is_err(), "more of the same is no news");
        relief.send_replace(Relief::NONE);
        tokio::task::yield_now().await;
        relief.send_replace(half);
        assert!(matches!(events.recv().await, Some(DeviceEvent::Overloaded)));
        drop(relief);
        watching.await.unwrap();
    }
}
