//! What goes out: one stream with microphone and camera, each encoded once for everybody.

use crate::call::TrackFrame;
use crate::preview::PreviewSwitch;
use confab_media::{Relief, VideoEvent};
use confab_protocol::UserError;
use confab_protocol::frame::SELF_TRACK;
use confab_protocol::media::AudioPacket;
use confab_rtcio::LocalTrack;
use tokio::sync::{broadcast, mpsc, watch};

/// What a device says by itself.
#[derive(Debug)]
pub enum DeviceEvent {
    /// The microphone stopped.
    MicEnded(UserError),
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

/// Carries camera frames to the peers and to the own window until the camera ends.
pub async fn pump_camera(
    generation: u64,
    mut events: mpsc::Receiver<VideoEvent>,
    track: LocalTrack,
    (preview, window): (PreviewSwitch, broadcast::Sender<TrackFrame>),
    told: mpsc::Sender<DeviceEvent>,
) {
    let mut shown = None;
    while let Some(event) = events.recv().await {
        match event {
            VideoEvent::Frame(frame) => {
                track.write_frame(frame.clone());
                let layer = Some(frame.layer.spatial);
                if frame.key {
                    preview.set_full(frame.layer.spatial.full_size((frame.width.into(), frame.height.into())));
                    if layer == preview.layer() {
                        shown = layer;
                    }
                }
                if layer == shown {
                    // No window is no error.
                    let _ = window.send(TrackFrame { handle: SELF_TRACK, frame });
                }
            }
            VideoEvent::Failed(error) => {
                let _ = told.send(DeviceEvent::CameraEnded(generation, error)).await;
                return;
            }
        }
    }
}

/// Carries microphone packets to the peers until the microphone ends.
pub async fn pump_mic(mut packets: mpsc::Receiver<AudioPacket>, track: LocalTrack) {
    while let Some(packet) = packets.recv().await {
        track.write_audio(packet);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_protocol::ladder::SpatialLayer;

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
