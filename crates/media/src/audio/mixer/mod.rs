//! The mixer: sums the decoded sound of all peers, block by block of 10 ms. Mixing neither locks, waits, allocates nor frees: what
//! comes from other threads and goes to them passes lock-free queues.

mod peer_audio;
mod shared;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use crate::audio::dsp::limiter::Limiter;
use crate::audio::mixer::shared::PeerShared;
use crate::audio::playout::peer::PeerPlayout;
use crate::format::BLOCK;
use crate::recording::sound::RecordingTap;

pub use peer_audio::{MAX_GAIN, PeerAudio};

/// Most peers in the mix: each participant has a voice and a share, and one more is the test sound.
const MIXED_PEERS: usize = 256;

/// A peer as the mixer sees it.
#[derive(Debug)]
struct MixedPeer {
    shared: Arc<PeerShared>,
    playout: PeerPlayout,
    gain: f32,
    recording: Option<RecordingTap>,
}

/// Peers that join the mix with its next block, and those that have left it, to be freed. Clones are the same queue.
#[derive(Debug, Clone)]
pub(crate) struct JoinQueue(Arc<Joining>);

#[derive(Debug)]
struct Joining {
    coming: ArrayQueue<Box<MixedPeer>>,
    left: ArrayQueue<Box<MixedPeer>>,
}

impl Default for JoinQueue {
    fn default() -> Self {
        Self(Arc::new(Joining { coming: ArrayQueue::new(MIXED_PEERS), left: ArrayQueue::new(MIXED_PEERS) }))
    }
}

impl JoinQueue {
    /// Makes a peer that joins with the next block.
    pub(crate) fn add(&self) -> PeerAudio {
        while self.0.left.pop().is_some() {}
        let shared = Arc::<PeerShared>::default();
        let playout = PeerPlayout::with_spent(shared.spent.clone());
        let peer = Box::new(MixedPeer { shared: shared.clone(), playout, gain: 1.0, recording: None });
        if self.0.coming.push(peer).is_err() {
            tracing::warn!("too many sounds at once: one is not heard");
        }
        PeerAudio::new(shared)
    }
}

/// Mixes the peers that joined.
#[derive(Debug)]
pub(crate) struct Mixer {
    joining: JoinQueue,
    /// In boxes, which come from one queue and go to another: to make or free one here would allocate.
    #[allow(clippy::vec_box)]
    peers: Vec<Box<MixedPeer>>,
    limiter: Limiter,
}

impl Mixer {
    pub(crate) fn new(joining: JoinQueue) -> Self {
        Self { joining, peers: Vec::with_capacity(MIXED_PEERS), limiter: Limiter::default() }
    }

    /// Mixes one block at `now`: whatever packets have come by then are taken.
    pub(crate) fn mix(&mut self, now: Duration, out: &mut [f32; BLOCK]) {
        self.admit();
        out.fill(0.0);
        let mut block = [0.0; BLOCK];
        for peer in &mut self.peers {
            peer.render(now, &mut block);
            out.iter_mut().zip(&block).for_each(|(out, sample)| *out += sample);
        }
        self.limiter.apply(out);
    }

    /// Takes in the peers that come, and lets those go whose handle is dropped.
    fn admit(&mut self) {
        let Joining { coming, left } = &*self.joining.0;
        let mut index = 0;
        while let Some(peer) = self.peers.get(index) {
            if peer.shared.gone.load(Ordering::Acquire) {
                // There is room: as many as are in the mix.
                drop(left.push(self.peers.swap_remove(index)));
            } else {
                index += 1;
            }
        }
        while self.peers.len() < MIXED_PEERS
            && let Some(peer) = coming.pop()
        {
            self.peers.push(peer);
        }
    }
}

impl MixedPeer {
    fn render(&mut self, now: Duration, block: &mut [f32; BLOCK]) {
        while let Some((packet, at)) = self.shared.packets.pop() {
            self.playout.push(packet, at);
        }
        self.playout.set_extra_delay(Duration::from_millis(self.shared.extra_delay_ms.load(Ordering::Relaxed).into()));
        self.playout.pull(now, block);
        self.shared.due.set(self.playout.due(now).map(|due| (due, now)));
        let (from, to) = (self.gain, self.shared.gain.get());
        for (i, sample) in block.iter_mut().enumerate() {
            *sample *= from + (to - from) * i as f32 / BLOCK as f32;
        }
        self.gain = to;
        self.shared.level.follow(block);
        self.shared.stats.set(self.playout.stats());
        if let Some(recording) = self.shared.taps.pop() {
            self.recording = Some(recording);
        }
        if self.recording.as_mut().is_some_and(|recording| !recording.write(block)) {
            self.recording = None;
        }
    }
}

#[cfg(test)]
#[path = "mixer_tests.rs"]
mod tests;
