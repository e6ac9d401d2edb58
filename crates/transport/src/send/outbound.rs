//! The sending side of one connection: a sendonly transceiver for each track of each stream.
//!
//! A transceiver keeps one local RTP track for life and a forwarder switches what feeds it: that is the swap without
//! negotiation that the protocol wants. One that is idle is used again, also for another stream, so that sharing and
//! stopping for hours does not make the descriptions grow.

use super::assignment::{Assignment, MediaLine, WantedTrack, assign};
use super::local_stream::{LocalStream, WeakStream};
use super::local_track::LocalTrack;
use super::slot::Slot;
use crate::connection::Connection;
use crate::event::SentTrack;
use crate::options::MediaLines;
use confab_rtp::bandwidth::allocate;
use confab_wire::{
    layers::RenderedSize,
    media::{Codec, MediaKind},
};
use tokio::task::JoinSet;
use uuid::Uuid;
use webrtc::error::Result;

/// Opus at its usual rate with its headers, in bit/s.
const SOUND: u32 = 50_000;
/// On the narrowest line there is a picture now and then, in bit/s.
const LEAST_VIDEO: u32 = 50_000;

/// A stream that the peer was given. One that is untracked stays with those who have it, as long as it has tracks or
/// somebody who could add one.
struct GivenStream {
    msid: String,
    weak: WeakStream,
    keep: Option<LocalStream>,
}

/// The sending side of one peer.
#[derive(Default)]
pub(crate) struct Outbound {
    streams: Vec<GivenStream>,
    slots: Vec<Slot>,
}

impl Outbound {
    /// True while there is no m-line for anything that is sent.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// Makes the transceivers match the streams. True if the other side must be told. A track that can't be sent is left
    /// out with a warning.
    pub(crate) async fn reconcile(
        &mut self,
        connection: &Connection,
        registered: Vec<LocalStream>,
        media: MediaLines,
        tasks: &mut JoinSet<()>,
    ) -> bool {
        let wanted = self.wanted(registered);
        let steps = {
            let mut now = Vec::with_capacity(self.slots.len());
            for slot in &self.slots {
                now.push((slot.track(), slot.is_free().await));
            }
            let places: Vec<MediaLine<'_>> = self
                .slots
                .iter()
                .zip(&now)
                .map(|(slot, (track, free))| MediaLine {
                    msid: &slot.msid,
                    codec: slot.codec,
                    track: track.as_ref().map(LocalTrack::id),
                    free: *free,
                })
                .collect();
            let wishes: Vec<WantedTrack<'_>> = wanted
                .iter()
                .map(|(stream, track)| WantedTrack { msid: stream.msid(), codec: track.codec(), track: track.id() })
                .collect();
            assign(&places, &wishes)
        };
        let mut negotiate = false;
        for step in steps {
            match self.step(step, &wanted, connection, media, tasks).await {
                Ok(changed) => negotiate |= changed,
                Err(error) => tracing::warn!(%error, "a track can't be sent to the peer"),
            }
        }
        // Also those of which nothing is wanted anew: the library forgets that an m-line is to send when the other side,
        // which does not know of it yet, offers it as inactive.
        for slot in &self.slots {
            match slot.aim().await {
                Ok(changed) => negotiate |= changed,
                Err(error) => tracing::warn!(%error, "an m-line can't change its direction"),
            }
        }
        negotiate
    }

    /// The tracks that the peer is to have.
    fn wanted(&mut self, registered: Vec<LocalStream>) -> Vec<(LocalStream, LocalTrack)> {
        for stream in registered {
            if !self.streams.iter().any(|given| given.msid == stream.msid()) {
                let msid = stream.msid().to_owned();
                self.streams.push(GivenStream { msid, weak: stream.downgrade(), keep: Some(stream) });
            }
        }
        let mut wanted = Vec::new();
        self.streams.retain_mut(|given| {
            let Some(stream) = given.keep.take().or_else(|| given.weak.upgrade()) else { return false };
            let tracks = stream.tracks();
            if !tracks.is_empty() {
                given.keep = Some(stream.clone());
            }
            wanted.extend(tracks.into_iter().map(|track| (stream.clone(), track)));
            true
        });
        wanted
    }

    /// True if the other side must be told, beyond a change of direction.
    async fn step(
        &mut self,
        step: Assignment,
        wanted: &[(LocalStream, LocalTrack)],
        connection: &Connection,
        media: MediaLines,
        tasks: &mut JoinSet<()>,
    ) -> Result<bool> {
        match step {
            Assignment::Swap(slot, wish) | Assignment::Revive(slot, wish) => {
                self.slots[slot].set(Some(wanted[wish].1.clone()));
            }
            Assignment::Take(slot, wish) => {
                let (stream, track) = &wanted[wish];
                self.slots[slot].take(stream).await?;
                self.slots[slot].set(Some(track.clone()));
                return Ok(true);
            }
            Assignment::Idle(slot) => self.slots[slot].set(None),
            Assignment::Add(wish) => {
                let (stream, track) = &wanted[wish];
                let known = self.slots.iter().any(|slot| slot.msid_track == track.id());
                let msid_track = if known { Uuid::new_v4().to_string() } else { track.id().to_owned() };
                let slot = Slot::open(connection, stream, track.codec(), msid_track, media, tasks).await?;
                slot.set(Some(track.clone()));
                self.slots.push(slot);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// What is sent, by m-line.
    pub(crate) fn sent_tracks(&self) -> Vec<SentTrack> {
        let sent = |slot: &Slot| {
            let (msid, msid_track) = (slot.msid.clone(), slot.msid_track.clone());
            Some(SentTrack { track: slot.track()?.id().to_owned(), msid, msid_track })
        };
        self.slots.iter().filter_map(sent).collect()
    }

    /// After a negotiation or a change of the connection: lets those send that may.
    pub(crate) async fn refresh(&self, connected: bool) {
        for slot in &self.slots {
            slot.refresh(connected).await;
        }
    }

    /// Shares `estimate` bit/s, of which sound has its part first, among the videos, which together get `limit` at most.
    pub(crate) fn share(&self, estimate: u32, limit: u32) {
        let sounds = self.slots.iter().filter(|slot| slot.codec == Codec::Opus && slot.track().is_some()).count();
        let sound = SOUND.saturating_mul(u32::try_from(sounds).unwrap_or(u32::MAX));
        let available = estimate.saturating_sub(sound).max(LEAST_VIDEO).min(limit);
        let videos: Vec<(&Slot, u32)> = self
            .slots
            .iter()
            .filter_map(|slot| Some((slot, slot.track()?)))
            .filter(|(_, track)| track.kind() == MediaKind::Video)
            .map(|(slot, track)| (slot, track.max_bitrate()))
            .collect();
        let limits: Vec<u32> = videos.iter().map(|(_, limit)| *limit).collect();
        for ((slot, _), bitrate) in videos.iter().zip(allocate(available, &limits)) {
            slot.set_bitrate(bitrate);
        }
    }

    /// The peer says how it draws what is sent on the m-line `mid`.
    pub(crate) async fn set_rendered_size(&self, mid: &str, size: RenderedSize) {
        for slot in &self.slots {
            if slot.is_at(mid).await {
                slot.set_rendered_size(size);
            }
        }
    }
}
