//! What goes out: one stream with microphone and camera, each encoded once for everybody.

use crate::call::TrackFrame;
use confab_media::VideoEvent;
use confab_protocol::UserError;
use confab_protocol::frame::SELF_TRACK;
use confab_protocol::media::{AudioPacket, VideoDemand};
use confab_rtcio::LocalTrack;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, watch};

/// Bitrate bound of a demand that comes from the preview alone, in bit/s.
const PREVIEW_BITRATE: u32 = 1_500_000;

/// Whether the own window wants the own picture, and how often it asked for a key frame.
#[derive(Debug, Clone)]
pub struct PreviewSwitch(Arc<watch::Sender<VideoDemand>>);

impl Default for PreviewSwitch {
    fn default() -> Self {
        let demand = VideoDemand { wanted: false, max_bitrate: PREVIEW_BITRATE, ..VideoDemand::default() };
        Self(Arc::new(watch::Sender::new(demand)))
    }
}

impl PreviewSwitch {
    /// The preview's decoder has to start again.
    pub fn request_key_frame(&self) {
        self.0.send_modify(|demand| {
            demand.wanted = true;
            demand.key_frames += 1;
        });
    }

    /// Says whether anybody looks.
    pub fn set_wanted(&self, wanted: bool) {
        self.0.send_if_modified(|demand| std::mem::replace(&mut demand.wanted, wanted) != wanted);
    }

    fn subscribe(&self) -> watch::Receiver<VideoDemand> {
        self.0.subscribe()
    }
}

/// One demand out of what the peers and what the preview want. The task ends when nobody reads it.
pub fn merge_demand(peers: watch::Receiver<VideoDemand>, preview: &PreviewSwitch) -> watch::Receiver<VideoDemand> {
    let (mut peers, mut preview) = (peers, preview.subscribe());
    let merged = watch::Sender::new(merge(*peers.borrow_and_update(), *preview.borrow_and_update()));
    let demand = merged.subscribe();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                changed = peers.changed() => if changed.is_err() { return },
                changed = preview.changed() => if changed.is_err() { return },
                () = merged.closed() => return,
            }
            merged.send_replace(merge(*peers.borrow_and_update(), *preview.borrow_and_update()));
        }
    });
    demand
}

fn merge(peers: VideoDemand, preview: VideoDemand) -> VideoDemand {
    VideoDemand {
        wanted: peers.wanted || preview.wanted,
        key_frames: peers.key_frames + preview.key_frames,
        // The preview takes what the peers get.
        ..if peers.wanted { peers } else { preview }
    }
}

/// A device that stopped by itself.
#[derive(Debug)]
pub enum Ended {
    /// The microphone.
    Mic(UserError),
    /// The camera of this generation.
    Camera(u64, UserError),
}

/// Carries camera frames to the peers and to the own window until the camera ends.
pub async fn pump_camera(
    generation: u64,
    mut events: mpsc::Receiver<VideoEvent>,
    track: LocalTrack,
    preview: broadcast::Sender<TrackFrame>,
    ended: mpsc::Sender<Ended>,
) {
    while let Some(event) = events.recv().await {
        match event {
            VideoEvent::Frame(frame) => {
                track.write_frame(frame.clone());
                // No window is no error.
                let _ = preview.send(TrackFrame { handle: SELF_TRACK, frame });
            }
            VideoEvent::Failed(error) => {
                let _ = ended.send(Ended::Camera(generation, error)).await;
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

    fn demand(wanted: bool, key_frames: u64, max_bitrate: u32) -> VideoDemand {
        VideoDemand { wanted, key_frames, max_bitrate, ..VideoDemand::default() }
    }

    #[tokio::test]
    async fn the_encoder_sees_one_demand() {
        let peers = watch::Sender::new(demand(false, 0, 800_000));
        let preview = PreviewSwitch::default();
        let mut merged = merge_demand(peers.subscribe(), &preview);
        assert_eq!(*merged.borrow(), demand(false, 0, PREVIEW_BITRATE));
        preview.request_key_frame();
        merged.changed().await.unwrap();
        assert_eq!(*merged.borrow_and_update(), demand(true, 1, PREVIEW_BITRATE));
        peers.send_replace(demand(true, 2, 500_000));
        merged.changed().await.unwrap();
        assert_eq!(*merged.borrow_and_update(), demand(true, 3, 500_000));
        preview.set_wanted(false);
        merged.changed().await.unwrap();
        assert!(merged.borrow().wanted);
    }
}
