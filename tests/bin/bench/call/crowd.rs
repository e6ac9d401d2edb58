//! The others in a call, in this process: their picture is encoded once for all of them, and they show each other
//! nothing, so that the computer has time for the program that is measured.

use super::Picture;
use crate::Outcome;
use confab_media::{VideoCapture, VideoSource};
use confab_rtcio::{Event, Events, LocalTrack, RemoteTrack, RenderedSize, RtcioStream, Socket};
use confab_tests::member::{camera, enter};
use serde_json::json;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

/// People who send one clip.
pub struct Crowd {
    members: Vec<Member>,
    _camera: VideoCapture,
}

struct Member {
    socket: Socket,
    seen: Arc<Mutex<Seen>>,
}

/// What a member got of somebody who is not of the crowd.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    frames: u64,
    size: (u64, u64),
}

impl Crowd {
    /// `count` people join `room` and send `clip`.
    pub async fn join(server: &str, room: &str, count: usize, clip: &Path) -> Outcome<Self> {
        let track = LocalTrack::simulcast();
        let camera = camera(&track, VideoSource::Y4m(clip.to_owned())).await?;
        let stream = RtcioStream::new();
        stream.add_track(&track);
        let mut joined = Vec::new();
        for number in 1..=count {
            joined.push(enter(server, room, &format!("Other {number}")).await?);
        }
        let ids: Arc<[String]> = joined.iter().map(|(_, _, id)| id.clone()).collect();
        let mut members = Vec::new();
        for (number, (socket, events, id)) in (1..).zip(joined) {
            let seen = Arc::new(Mutex::new(Seen::default()));
            tokio::spawn(follow(events, Arc::clone(&ids), Arc::clone(&seen)));
            let about = json!({ "id": id, "name": format!("Other {number}"), "stream": &stream });
            socket.emit("camera", stream.args([about])).await?;
            members.push(Member { socket, seen });
        }
        Ok(Self { members, _camera: camera })
    }

    /// What each member saw so far.
    pub fn look(&self) -> (Instant, Vec<Seen>) {
        (Instant::now(), self.members.iter().map(|member| *lock(&member.seen)).collect())
    }

    /// Everybody leaves.
    pub async fn leave(self) {
        for member in self.members {
            member.socket.close().await;
        }
    }
}

/// The worst that any member got between two looks.
pub fn received((begun, before): &(Instant, Vec<Seen>), (ended, after): &(Instant, Vec<Seen>)) -> Picture {
    let seconds = ended.duration_since(*begun).as_secs_f64();
    let of = |(before, after): (&Seen, &Seen)| Picture {
        fps: (after.frames - before.frames) as f64 / seconds,
        size: after.size,
    };
    Picture::worst(before.iter().zip(after).map(of))
}

/// Hides the pictures of the crowd `ids` and counts those of the others.
async fn follow(mut events: Events, ids: Arc<[String]>, seen: Arc<Mutex<Seen>>) {
    while let Some(event) = events.recv().await {
        match event {
            Event::TrackAdded { peer, track, .. } if ids.contains(&peer) => {
                track.set_rendered_size(RenderedSize::HIDDEN)
            }
            Event::TrackAdded { track, .. } => drop(tokio::spawn(count(track, Arc::clone(&seen)))),
            _ => {}
        }
    }
}

async fn count(track: RemoteTrack, seen: Arc<Mutex<Seen>>) {
    let Some(mut frames) = track.take_video() else { return };
    while let Some(frame) = frames.recv().await {
        let mut seen = lock(&seen);
        seen.frames += 1;
        // Only a key frame says how large it is.
        if frame.width > 0 {
            seen.size = (frame.width.into(), frame.height.into());
        }
    }
}

fn lock(seen: &Mutex<Seen>) -> std::sync::MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}
