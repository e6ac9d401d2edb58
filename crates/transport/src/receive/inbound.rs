//! The receiving side of one connection: remote streams and tracks by the descriptions, their packets by the RTP streams.

use super::pump::{RemoteClock, pump};
use super::remote_track::{RemoteStream, RemoteTrack, Sink};
use crate::connection::Connection;
use crate::sdp::{RemoteMedia, sending_media};
use confab_wire::{
    layers::RenderedSize,
    limits,
    media::{Decoders, MediaKind},
};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::{CancellationToken, DropGuard};
use webrtc::media_stream::track_remote::TrackRemote;
use webrtc::peer_connection::PeerConnection;

/// M-lines of one connection that are read at once. A peer whose descriptions make more is not followed.
const PUMPS: usize = 2 * limits::TRACKS_PER_PEER;

struct ReceivedLine {
    track: RemoteTrack,
    msid: String,
    /// What was reported of how it is drawn.
    reported: Option<RenderedSize>,
}

/// The receiving side of one peer.
pub(crate) struct Inbound {
    peer: String,
    decoders: Decoders,
    /// mid → the track it stands for now.
    lines: HashMap<String, ReceivedLine>,
    /// mid → where its packets go. Outlives the track: the RTP stream may go on.
    sinks: HashMap<String, watch::Sender<Option<Sink>>>,
    /// MediaStream id → stream.
    streams: HashMap<String, RemoteStream>,
    /// mid → ends the reader of its RTP stream.
    pumps: HashMap<String, DropGuard>,
    /// The application said how it draws a track.
    rendered_size_changed: Arc<Notify>,
}

/// A change that a description made.
#[derive(Debug)]
pub(crate) enum Change {
    Added {
        stream: RemoteStream,
        track: RemoteTrack,
        first: bool,
    },
    Removed {
        stream: RemoteStream,
        track: RemoteTrack,
    },
    /// A stream with a MediaStream id appeared.
    Undescribed {
        msid: String,
    },
}

impl Inbound {
    pub(crate) fn new(peer: String, decoders: Decoders) -> Self {
        Self {
            peer,
            decoders,
            lines: HashMap::new(),
            sinks: HashMap::new(),
            streams: HashMap::new(),
            pumps: HashMap::new(),
            rendered_size_changed: Arc::default(),
        }
    }

    /// Compares a remote description with what is known.
    pub(crate) fn described(&mut self, sdp: &str) -> Vec<Change> {
        let media = sending_media(sdp, self.decoders);
        let mut changes = Vec::new();
        let gone: Vec<String> = self
            .lines
            .iter()
            .filter(|(mid, line)| !media.iter().any(|media| media.mid == **mid && self.is_same(media, line)))
            .map(|(mid, _)| mid.clone())
            .collect();
        for mid in gone {
            changes.extend(self.remove(&mid));
        }
        for media in media {
            match self.lines.get(&media.mid) {
                Some(line) => line.track.set_offered(media.offered),
                None => self.add(media, &mut changes),
            }
        }
        changes
    }

    fn is_same(&self, media: &RemoteMedia, line: &ReceivedLine) -> bool {
        media.kind == line.track.kind() && media.track == line.track.id() && self.msid_of(media) == line.msid
    }

    /// A track without a stream gets one of its own, named after its m-line.
    fn msid_of(&self, media: &RemoteMedia) -> String {
        media.msid.clone().unwrap_or_else(|| format!("{}:{}", self.peer, media.mid))
    }

    fn add(&mut self, media: RemoteMedia, changes: &mut Vec<Change>) {
        let msid = self.msid_of(&media);
        let first = !self.streams.contains_key(&msid);
        if first {
            if self.streams.len() >= limits::STREAMS_PER_PEER {
                self.streams.retain(|known, _| self.lines.values().any(|line| line.msid == *known));
            }
            if self.streams.len() >= limits::STREAMS_PER_PEER {
                tracing::warn!("a peer has too many streams; the newest is ignored");
                return;
            }
        }
        let stream = self
            .streams
            .entry(msid.clone())
            .or_insert_with(|| RemoteStream { id: None, msid: msid.clone(), peer: self.peer.clone() })
            .clone();
        let (track, sink) =
            RemoteTrack::new(media.track, msid.clone(), media.kind, media.offered, &self.rendered_size_changed);
        self.sink(&media.mid).send_replace(Some(sink));
        self.lines.insert(media.mid, ReceivedLine { track: track.clone(), msid: msid.clone(), reported: None });
        changes.push(Change::Added { stream, track, first });
        if first && media.msid.is_some() {
            changes.push(Change::Undescribed { msid });
        }
    }

    fn remove(&mut self, mid: &str) -> Option<Change> {
        let line = self.lines.remove(mid)?;
        if let Some(sink) = self.sinks.get(mid) {
            sink.send_replace(None);
        }
        let stream = self.streams.get(&line.msid)?.clone();
        Some(Change::Removed { stream, track: line.track })
    }

    fn sink(&mut self, mid: &str) -> &watch::Sender<Option<Sink>> {
        self.sinks.entry(mid.to_owned()).or_insert_with(|| watch::Sender::new(None))
    }

    /// The connection ends: every track with it.
    pub(crate) fn clear(&mut self) -> Vec<Change> {
        let mids: Vec<String> = self.lines.keys().cloned().collect();
        mids.iter().filter_map(|mid| self.remove(mid)).collect()
    }

    /// The first packet of an RTP stream came: finds its m-line and reads on.
    pub(crate) async fn started(
        &mut self,
        connection: &Connection,
        source: Arc<dyn TrackRemote>,
        tasks: &mut JoinSet<()>,
    ) {
        let Some(mid) = mid_of(&connection.pc, &source).await else {
            tracing::warn!("packets came for no m-line");
            return;
        };
        if !self.pumps.contains_key(&mid) && self.pumps.len() >= PUMPS {
            tracing::warn!("a peer starts too many RTP streams; the newest is not read");
            return;
        }
        let sink = self.sink(&mid).subscribe();
        let clock =
            RemoteClock { round_trip: connection.feedback.round_trip(), reports: connection.feedback.sender_reports() };
        // The library begins anew when an m-line sends again, and never ends what it began before.
        let end = CancellationToken::new();
        self.pumps.insert(mid, end.clone().drop_guard());
        tasks.spawn(async move {
            end.run_until_cancelled(pump(source, sink, clock)).await;
        });
    }

    /// Waits until the application says how it draws a track.
    pub(crate) async fn rendered_size_changed(&self) {
        self.rendered_size_changed.notified().await;
    }

    /// How the application draws its videos, by m-line, each size once.
    pub(crate) fn rendered_sizes(&mut self) -> Vec<(String, RenderedSize)> {
        let videos = self.lines.iter_mut().filter(|(_, line)| line.track.kind() == MediaKind::Video);
        videos
            .filter_map(|(mid, line)| {
                let size = line.track.rendered_size()?;
                (line.reported.replace(size) != Some(size)).then(|| (mid.clone(), size))
            })
            .collect()
    }
}

async fn mid_of(pc: &Arc<dyn PeerConnection>, source: &Arc<dyn TrackRemote>) -> Option<String> {
    for transceiver in pc.get_transceivers().await {
        if let Ok(Some(receiver)) = transceiver.receiver().await
            && std::ptr::addr_eq(Arc::as_ptr(receiver.track()), Arc::as_ptr(source))
        {
            return transceiver.mid().await.ok()?;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sdp(lines: &[(&str, &str, &str)]) -> String {
        lines.iter().fold("v=0\r\n".to_owned(), |sdp, (mid, direction, msid)| {
            format!("{sdp}m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:{mid}\r\na={direction}\r\na=msid:{msid}\r\n")
        })
    }

    fn kinds(changes: &[Change]) -> Vec<String> {
        changes
            .iter()
            .map(|change| match change {
                Change::Added { track, first, .. } => format!("+{}{}", track.id(), if *first { "!" } else { "" }),
                Change::Removed { track, .. } => format!("-{}", track.id()),
                Change::Undescribed { msid } => format!("?{msid}"),
            })
            .collect()
    }

    #[test]
    fn descriptions_add_and_remove_tracks() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        assert_eq!(kinds(&inbound.described(&sdp(&[("1", "sendonly", "s a")]))), ["+a!", "?s"]);
        assert!(inbound.described(&sdp(&[("1", "sendonly", "s a")])).is_empty());
        let two = sdp(&[("1", "sendonly", "s a"), ("2", "sendrecv", "s b")]);
        assert_eq!(kinds(&inbound.described(&two)), ["+b"]);
        let one = sdp(&[("1", "inactive", "s a"), ("2", "sendrecv", "s b")]);
        assert_eq!(kinds(&inbound.described(&one)), ["-a"]);
        assert_eq!(kinds(&inbound.described(&two)), ["+a"]);
        assert_eq!(inbound.clear().len(), 2);
    }

    #[test]
    fn a_track_ends_for_the_reader_when_it_is_removed() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        let changes = inbound.described(&sdp(&[("1", "sendonly", "s a")]));
        let Some(Change::Added { track, .. }) = changes.into_iter().next() else { panic!("no track") };
        let mut frames = track.take_video().unwrap();
        assert!(frames.try_recv().is_err());
        inbound.clear();
        assert_eq!(frames.try_recv(), Err(tokio::sync::mpsc::error::TryRecvError::Disconnected));
        assert!(track.take_video().is_none());
    }

    #[test]
    fn how_a_video_is_drawn_is_reported_once() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        let changes = inbound.described(&sdp(&[("1", "sendonly", "s a"), ("2", "sendonly", "s b")]));
        let Some(Change::Added { track, .. }) = changes.into_iter().next() else { panic!("no track") };
        assert!(inbound.rendered_sizes().is_empty());
        let size = RenderedSize { width: 320, height: 180 };
        track.set_rendered_size(size);
        track.set_rendered_size(size);
        assert_eq!(inbound.rendered_sizes(), [("1".into(), size)]);
        assert!(inbound.rendered_sizes().is_empty());
        track.set_rendered_size(RenderedSize::HIDDEN);
        assert_eq!(inbound.rendered_sizes(), [("1".into(), RenderedSize::HIDDEN)]);
    }

    #[test]
    fn lines_of_one_msid_are_one_stream_and_are_asked_for_once() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        let two = sdp(&[("1", "sendonly", "s a"), ("2", "sendonly", "s b"), ("3", "sendonly", "t c")]);
        assert_eq!(kinds(&inbound.described(&two)), ["+a!", "?s", "+b", "+c!", "?t"]);
        assert!(inbound.described(&two).is_empty());
    }

    #[test]
    fn a_track_that_moves_to_another_stream_goes_and_comes() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        inbound.described(&sdp(&[("1", "sendonly", "s a")]));
        assert_eq!(kinds(&inbound.described(&sdp(&[("1", "sendonly", "t a")]))), ["-a", "+a!", "?t"]);
        assert_eq!(kinds(&inbound.described(&sdp(&[("1", "inactive", "t a")]))), ["-a"]);
        // A stream that was there before is known.
        assert_eq!(kinds(&inbound.described(&sdp(&[("1", "sendonly", "s d")]))), ["+d"]);
    }

    #[test]
    fn a_line_without_msid_is_a_stream_of_its_own_that_nobody_is_asked_for() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        let lines = sdp(&[("1", "sendonly", "-"), ("2", "sendonly", "- b")]);
        let changes = inbound.described(&lines);
        assert_eq!(kinds(&changes), ["+1!", "+b!"]);
        let msid = |change: &Change| match change {
            Change::Added { stream, .. } => stream.msid.clone(),
            _ => String::new(),
        };
        assert_ne!(msid(&changes[0]), msid(&changes[1]));
    }

    #[test]
    fn streams_are_bounded() {
        let mut inbound = Inbound::new("p".into(), Decoders::default());
        let many: Vec<(String, String)> = (0..30).map(|n| (n.to_string(), format!("s{n} t{n}"))).collect();
        let lines: Vec<(&str, &str, &str)> =
            many.iter().map(|(mid, msid)| (mid.as_str(), "sendonly", msid.as_str())).collect();
        let added = inbound.described(&sdp(&lines));
        assert_eq!(added.iter().filter(|c| matches!(c, Change::Added { .. })).count(), limits::STREAMS_PER_PEER);
    }
}
