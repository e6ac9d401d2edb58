//! A call of two that must go on while one of them is attacked by a third.

use super::{Camera, Member, PATIENCE, number_of, resident, watch_frames};
use confab_rtcio::{Codec, EncodedFrame, LocalTrack, RtcioStream, Socket};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::mpsc;
use tokio::time::timeout;
use url::Url;

/// Bytes of a delta frame.
const BYTES: usize = 3_000;
/// Frames that must come each way while an attack goes on: two seconds of 30 fps.
const FRAMES: u32 = 60;
/// Events that must come each way meanwhile.
const EVENTS: u32 = 10;

pub struct Call {
    /// Who is attacked.
    pub ann: Member,
    pub ben: Member,
    /// What Ann sees of Ben, and he of her.
    sights: [mpsc::Receiver<EncodedFrame>; 2],
    _cameras: [Camera; 2],
    resident: u64,
}

impl Call {
    /// Ann and Ben see each other in a room of their own. Ann is also in `room`, where nobody else is.
    pub async fn start(url: &Url, room: &str) -> Self {
        let (mut ann, ann_camera) = enter(url, "call", "Ann").await;
        let (mut ben, ben_camera) = enter(url, "call", "Ben").await;
        ann.peer_connect(&ben.id).await;
        ben.peer_connect(&ann.id).await;
        let (of_ben, of_ann) = (ann.track(&ben.id).await, ben.track(&ann.id).await);
        let sights = tokio::join!(watch_frames(&of_ben, BYTES, 10), watch_frames(&of_ann, BYTES, 10)).into();
        ann.rejoin(json!({ "roomId": room, "name": "Ann" })).await;
        Self { ann, ben, sights, _cameras: [ann_camera, ben_camera], resident: 0 }
    }

    /// Attacks over and over until `rounds` are done, and the call has gone on meanwhile: pictures and events both ways.
    pub async fn goes_on_during(&mut self, rounds: usize, mut attack: impl AsyncFnMut()) {
        self.resident = resident();
        let (done, seen) = (AtomicUsize::new(0), AtomicBool::new(false));
        let attacking = async {
            while done.load(Ordering::Relaxed) < rounds || !seen.load(Ordering::Relaxed) {
                attack().await;
                done.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        };
        let going_on = async {
            while done.load(Ordering::Relaxed) < rounds || !seen.load(Ordering::Relaxed) {
                self.goes_on().await;
                seen.store(true, Ordering::Relaxed);
            }
        };
        timeout(2 * PATIENCE, async { tokio::join!(attacking, going_on) }).await.expect("an attack that ends");
    }

    /// Pictures and events come both ways.
    pub async fn goes_on(&mut self) {
        let Self { ann, ben, sights: [of_ben, of_ann], .. } = self;
        let events = async {
            for number in 0..EVENTS {
                ben.socket.emit("calm", vec![json!(number)]).await.unwrap();
                assert_eq!(ann.message(&ben.id, "calm").await, [json!(number)]);
                ann.socket.peer(&ben.id).emit("quiet", vec![json!(number)]).await.unwrap();
                assert_eq!(ben.message(&ann.id, "quiet").await, [json!(number)]);
            }
        };
        tokio::join!(frames(of_ben), frames(of_ann), events);
    }

    /// Memory that the last attack has cost this process, in bytes: the attacker's, too.
    pub fn grown(&self) -> u64 {
        resident().saturating_sub(self.resident)
    }

    pub async fn end(self) {
        self.ann.socket.close().await;
        self.ben.socket.close().await;
    }
}

async fn enter(url: &Url, room: &str, name: &str) -> (Member, Camera) {
    let (socket, events) = Socket::builder(url.clone()).force_new(true).connect();
    let (stream, video) = (RtcioStream::new(), LocalTrack::video(Codec::Vp8));
    stream.add_track(&video);
    socket.emit("camera", stream.args([json!({ "stream": &stream })])).await.unwrap();
    let camera = Camera::start(&video, BYTES);
    (Member::enter(socket, events, room, name).await, camera)
}

/// [`FRAMES`] that are sent from now on come, and of what is sent meanwhile at least half, but for a second's pause.
async fn frames(frames: &mut mpsc::Receiver<EncodedFrame>) {
    while frames.try_recv().is_ok() {}
    let mut first = None;
    for count in 0..FRAMES {
        let frame = timeout(PATIENCE, frames.recv()).await.expect("a frame in time").expect("a track that goes on");
        let number = number_of(&frame);
        let first = *first.get_or_insert(number);
        assert!(number - first <= 2 * count + 30, "of {} frames {count} came", number - first);
    }
}
