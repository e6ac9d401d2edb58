//! The few lines of a remote description that matter here. The library tells of a track only with its first packet;
//! rtc.io, as browsers do, knows it from the description.

use crate::codecs::{preferred, receivable};
use crate::receive::remote_track::OfferedFormats;
use confab_rtp::packetization::audio_level;
use confab_wire::{
    ctrl::TOOL_LINE,
    limits,
    media::{Decoders, MediaKind},
};

/// An m-line on which the other side sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RemoteMedia {
    pub(crate) mid: String,
    pub(crate) kind: MediaKind,
    /// MediaStream id; `None` without one (`a=msid:-` or none at all).
    pub(crate) msid: Option<String>,
    /// Track id; the mid if there is none.
    pub(crate) track: String,
    pub(crate) offered: OfferedFormats,
}

/// The m-lines of `sdp` on which its author sends, at most [`limits::TRACKS_PER_PEER`].
pub(crate) fn sending_media(sdp: &str, decoders: Decoders) -> Vec<RemoteMedia> {
    let sections = sdp.split("\nm=").skip(1);
    sections.filter_map(|text| section(text, decoders)).take(limits::TRACKS_PER_PEER).collect()
}

fn section(section: &str, decoders: Decoders) -> Option<RemoteMedia> {
    let mut lines = section.lines().map(str::trim_end);
    let mut head = lines.next()?.split(' ');
    let (kind, port) = (kind_of(head.next()?)?, head.next()?);
    // RFC 8829 section 5.3.1: port 0 without bundle-only is a rejected m-line.
    let mut rejected = port == "0";
    let mut sends = true;
    let (mut mid, mut msid, mut track) = (None, None, None);
    for line in lines {
        match line {
            "a=sendrecv" | "a=sendonly" => sends = true,
            "a=recvonly" | "a=inactive" => sends = false,
            "a=bundle-only" => rejected = false,
            _ => {
                if let Some(value) = line.strip_prefix("a=mid:") {
                    mid = Some(value);
                } else if let Some(value) = line.strip_prefix("a=msid:")
                    && msid.is_none()
                {
                    let mut parts = value.split(' ');
                    msid = parts.next();
                    track = parts.next();
                }
            }
        }
    }
    let fits = |text: &&str| !text.is_empty() && text.len() <= limits::ID_BYTES;
    let mid = mid.filter(fits)?;
    (sends && !rejected).then(|| RemoteMedia {
        mid: mid.to_owned(),
        kind,
        msid: msid.filter(fits).filter(|msid| *msid != "-").map(str::to_owned),
        track: track.filter(fits).unwrap_or(mid).to_owned(),
        offered: OfferedFormats {
            receivable: receivable(section, kind, decoders),
            preferred: preferred(section).map(str::to_owned),
            audio_level: audio_level::id_in(section).filter(|_| kind == MediaKind::Audio),
        },
    })
}

/// The kind by its name in SDP.
fn kind_of(media: &str) -> Option<MediaKind> {
    match media {
        "audio" => Some(MediaKind::Audio),
        "video" => Some(MediaKind::Video),
        _ => None,
    }
}

/// The mids of the m-lines on which nobody is to send.
pub(crate) fn silent_lines(sdp: &str) -> Vec<&str> {
    let is_silent = |section: &str| section.lines().any(|line| line.trim_end() == "a=inactive");
    sdp.split("\nm=").skip(1).filter(|text| is_silent(text)).filter_map(mid_of).collect()
}

/// The mid in an m-line's section.
pub(crate) fn mid_of(section: &str) -> Option<&str> {
    section.lines().find_map(|line| line.strip_prefix("a=mid:")).map(str::trim_end)
}

/// The certificate's fingerprint: a description with another one belongs to another connection.
pub(crate) fn fingerprint(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=fingerprint:")).map(str::trim_end)
}

/// The user name fragment of ICE (RFC 8839 section 5.4): another one belongs to a path that was looked for anew.
pub(crate) fn ice_ufrag(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::trim_end)
}

/// Session id and version (RFC 4566 section 5.2): the version grows with each description that a connection makes (RFC 9429
/// section 5.2.2).
pub(crate) fn origin(sdp: &str) -> Option<(&str, u64)> {
    let mut words = sdp.lines().find_map(|line| line.strip_prefix("o="))?.split(' ').skip(1);
    Some((words.next()?, words.next()?.parse().ok()?))
}

/// The candidates inside a description, as they would be trickled.
pub(crate) fn candidates(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines()
        .filter_map(|line| line.strip_prefix("a="))
        .filter(|line| line.starts_with("candidate:"))
        .map(str::trim_end)
}

/// A description of ours that says whose it is. An error of the library would have no m-line: then it stays as it is.
pub(crate) fn with_tool(sdp: &str) -> String {
    sdp.replacen("\r\nm=", &format!("\r\n{TOOL_LINE}\r\nm="), 1)
}

/// A description for the log: without what lets others into its connection (RFC 8839 section 5.4).
pub(crate) fn without_secrets(sdp: &str) -> String {
    sdp.split_inclusive('\n')
        .filter(|line| !["a=ice-ufrag:", "a=ice-pwd:"].iter().any(|it| line.starts_with(it)))
        .collect()
}

/// True if the description is of a program of ours.
pub(crate) fn is_ours(sdp: &str) -> bool {
    let session = sdp.split("\nm=").next().unwrap_or_default();
    session.lines().any(|line| line.trim_end() == TOOL_LINE)
}

/// The first ICE user name fragment: it changes when ICE restarts (RFC 8839 section 4.4.3).
pub(crate) fn generation(sdp: &str) -> Option<&str> {
    sdp.lines().find_map(|line| line.strip_prefix("a=ice-ufrag:")).map(str::trim_end)
}

/// True if `answer` can be the answer to `offer`: it has the same m-lines (RFC 3264 section 6, RFC 8843 section 7.3) and does
/// not send or receive what was not offered (RFC 3264 section 6.1).
pub(crate) fn is_answer_to(answer: &str, offer: &str) -> bool {
    mids(answer).eq(mids(offer))
        && directions(offer).all(|(mid, offered)| {
            let answered = directions(answer).find(|line| line.0 == mid).map(|line| line.1);
            match (offered, answered) {
                ("sendrecv", _) | (_, None) | ("sendonly", Some("inactive")) => true,
                ("sendonly", Some(answered)) => answered == "recvonly",
                ("recvonly", Some(answered)) => answered != "recvonly" && answered != "sendrecv",
                (_, Some(answered)) => answered == "inactive",
            }
        })
}

/// True if the author of `theirs` has applied our offer `ours`, which adds m-lines to `before`: it would receive on what is
/// new there. On m-lines that it adds itself, an rtc.io peer sends.
pub(crate) fn has_taken(theirs: &str, ours: &str, before: &str) -> bool {
    let mut added = directions(ours).filter(|(mid, _)| !mids(before).any(|known| known == *mid));
    let mut sent = added.by_ref().filter(|(_, direction)| *direction == "sendonly").peekable();
    sent.peek().is_some() && sent.all(|(mid, _)| directions(theirs).any(|line| line == (mid, "recvonly")))
}

/// mid and direction of each m-line.
fn directions(sdp: &str) -> impl Iterator<Item = (&str, &str)> {
    sdp.split("\nm=").skip(1).filter_map(|section| {
        let lines = || section.lines().filter_map(|line| line.strip_prefix("a=")).map(str::trim_end);
        let mid = lines().find_map(|line| line.strip_prefix("mid:"))?;
        let direction = lines().find(|line| ["sendrecv", "sendonly", "recvonly", "inactive"].contains(line))?;
        Some((mid, direction))
    })
}

fn mids(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.lines().filter_map(|line| line.strip_prefix("a=mid:")).map(str::trim_end)
}

/// Number of m-lines and of candidates.
pub(crate) fn size(sdp: &str) -> (usize, usize) {
    // The library takes a lone carriage return for the end of a line, too.
    sdp.split(['\r', '\n']).fold((0, 0), |(lines, candidates), line| {
        (lines + usize::from(line.starts_with("m=")), candidates + usize::from(line.starts_with("a=candidate:")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_wire::media::Codec;

    const SDP: &str = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\na=group:BUNDLE 0 1 2 3 4\r\na=msid-semantic: WMS s\r\n\
        m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=fingerprint:sha-256 AA:BB\r\n\
        m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=sendonly\r\na=msid:s t1\r\n\
        m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:2\r\na=inactive\r\na=msid:s t2\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=mid:3\r\na=sendrecv\r\na=msid:s t3\r\n\
        m=video 0 UDP/TLS/RTP/SAVPF 96\r\na=bundle-only\r\na=mid:4\r\na=msid:- t4\r\n";

    #[test]
    fn a_description_says_whose_it_is() {
        let sdp = "v=0\r\nt=0 0\r\nm=audio 9 X 0\r\na=mid:0\r\nm=video 9 X 0\r\n";
        let ours = with_tool(sdp);
        assert_eq!(ours, "v=0\r\nt=0 0\r\na=tool:confab\r\nm=audio 9 X 0\r\na=mid:0\r\nm=video 9 X 0\r\n");
        assert!(is_ours(&ours) && !is_ours(sdp));
        assert!(!is_ours("v=0\r\nm=audio 9 X 0\r\na=tool:confab\r\n"));
    }

    #[test]
    fn only_lines_that_send_are_media() {
        let media = sending_media(SDP, Decoders::default());
        let line = |mid: &str, kind, msid: Option<&str>, track: &str| RemoteMedia {
            mid: mid.to_owned(),
            kind,
            msid: msid.map(str::to_owned),
            track: track.to_owned(),
            offered: OfferedFormats::default(),
        };
        assert_eq!(media, [line("1", MediaKind::Audio, Some("s"), "t1"), line("4", MediaKind::Video, None, "t4")]);
        assert_eq!(fingerprint(SDP), Some("sha-256 AA:BB"));
        assert_eq!(silent_lines(SDP), ["2"]);
    }

    #[test]
    fn an_answer_has_the_lines_of_its_offer() {
        assert!(is_answer_to(SDP, &SDP.replace("a=sendonly", "a=recvonly")));
        assert!(!is_answer_to(SDP, SDP), "both send");
        assert!(!is_answer_to(SDP, &SDP.replace("a=mid:4", "a=mid:5")));
        assert!(!is_answer_to(SDP, &SDP.replace("a=mid:4\r\n", "")));
        assert!(!is_answer_to("", SDP));
        let declined = SDP.replace("a=sendonly", "a=inactive");
        assert!(is_answer_to(&declined, SDP));
        assert!(!is_answer_to(&SDP.replace("a=sendonly", "a=recvonly"), &declined), "it was not offered");
    }

    #[test]
    fn a_description_says_where_it_belongs() {
        assert_eq!(origin(SDP), Some(("1", 2)));
        assert_eq!(origin("v=0\r\no=- 1 x IN IP4 127.0.0.1\r\n"), None);
        assert_eq!(origin("v=0\r\n"), None);
        let more = SDP.to_owned() + "a=ice-ufrag:u\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n";
        assert_eq!(generation(&more), Some("u"));
        assert!(candidates(&more).eq(["candidate:1 1 udp 1 192.0.2.1 9 typ host"]));
    }

    #[test]
    fn an_offer_that_was_taken_shows_in_the_next_one_of_the_other_side() {
        let sdp = |lines: &[(&str, &str)]| {
            lines
                .iter()
                .fold("v=0\r\n".to_owned(), |sdp, (mid, way)| format!("{sdp}m=video 9 x\r\na=mid:{mid}\r\na={way}\r\n"))
        };
        let before = sdp(&[("0", "sendonly")]);
        let ours = sdp(&[("0", "sendonly"), ("1", "sendonly")]);
        assert!(has_taken(&sdp(&[("0", "recvonly"), ("1", "recvonly"), ("2", "sendonly")]), &ours, &before));
        assert!(!has_taken(&sdp(&[("0", "recvonly"), ("1", "sendonly")]), &ours, &before));
        assert!(!has_taken(&sdp(&[("0", "recvonly"), ("1", "inactive")]), &ours, &before));
        assert!(!has_taken(&sdp(&[("0", "recvonly")]), &ours, &before));
        assert!(!has_taken(&sdp(&[("0", "recvonly")]), &before, &before));
    }

    #[test]
    fn codecs_are_read_in_the_order_of_the_line() {
        let sdp = "v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 35 98 99 96 102\r\na=mid:0\r\na=rtpmap:96 VP8/90000\r\n\
            a=rtpmap:98 vp9/90000\r\na=rtpmap:99 rtx/90000\r\na=rtpmap:35 AV1/90000\r\na=rtpmap:97 VP8/90000\r\n\
            a=rtpmap:x VP8/90000\r\na=rtpmap:300\r\na=rtpmap:35 opus/48000/2\r\na=rtpmap:102 H264/90000\r\n\
            a=fmtp:102 profile-level-id=42e01f;packetization-mode=1\r\n";
        let codecs = |h264| sending_media(sdp, Decoders { h264 }).remove(0).offered;
        assert_eq!(codecs(false).receivable, [(98, Codec::Vp9), (96, Codec::Vp8)]);
        assert_eq!(codecs(true).receivable, [(98, Codec::Vp9), (96, Codec::Vp8), (102, Codec::H264)]);
        assert_eq!(codecs(true).preferred.as_deref(), Some("AV1"));
    }

    #[test]
    fn rubbish_is_no_media() {
        for sdp in ["", "m=", "v=0\nm=audio", "v=0\nm=audio 9\na=sendonly\na=msid:s t", "v=0\nm=text 9 x\na=mid:0"] {
            assert!(sending_media(sdp, Decoders::default()).is_empty(), "{sdp}");
        }
        let long = format!("v=0\nm=audio 9 x\na=mid:{}\n", "m".repeat(limits::ID_BYTES + 1));
        assert!(sending_media(&long, Decoders::default()).is_empty());
        let many = "v=0".to_owned() + &"\nm=audio 9 x\na=mid:1".repeat(100);
        assert_eq!(sending_media(&many, Decoders::default()).len(), limits::TRACKS_PER_PEER);
    }
}
