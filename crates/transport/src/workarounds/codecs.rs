//! Codecs and directions of m-lines.
//!
//! The library (rtc 0.21.1) takes the codecs of a whole connection from the first video m-line that it sees; answers an m-line
//! that an offer makes inactive as inactive the first time only; and lists codecs in an answer that the offer does not have.

use crate::codecs;
use crate::sdp::{mid_of, silent_lines};
use confab_wire::media::Decoders;
use std::fmt::Write;
use std::sync::Arc;
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RTCRtpTransceiverDirection;

/// After an offer was applied: what it makes inactive is answered as inactive (RFC 3264 section 6.1), which the library sees
/// to the first time only; and so is what would come in no codec that can be received, where the library would list others.
pub(crate) async fn answer_inactive(pc: &Arc<dyn PeerConnection>, offer: &str, decoders: Decoders) -> Result<()> {
    let mut silent = silent_lines(offer);
    let foreign = videos(offer).filter(|section| codecs::described(section, decoders).is_empty());
    silent.extend(
        foreign.filter(|section| !section.lines().any(|line| line.trim_end() == "a=recvonly")).filter_map(mid_of),
    );
    if silent.is_empty() {
        return Ok(());
    }
    for transceiver in pc.get_transceivers().await {
        if let Some(mid) = transceiver.mid().await?
            && silent.iter().any(|silent| *silent == mid)
            && transceiver.direction().await? != RTCRtpTransceiverDirection::Inactive
        {
            transceiver.set_direction(RTCRtpTransceiverDirection::Inactive).await?;
        }
    }
    Ok(())
}

/// A description with all codecs of ours, to be applied instead of `sdp`. The library takes the codecs of a whole
/// connection from the first video m-line that it ever sees, so one that has not all of them would shorten all others.
/// `None` if there is no such m-line, or if nothing is missing in it. What it adds, [`choose_codecs`] takes out again.
pub(crate) fn with_missing_codecs(sdp: &str, decoders: Decoders) -> Option<String> {
    let start = sdp.find("\nm=video ")? + 1;
    let end = sdp[start..].find("\nm=").map_or(sdp.len(), |end| start + end + 1);
    let section = &sdp[start..end];
    let (head, body) = section.split_once('\n')?;
    let missing = codecs::missing(&codecs::described(section, decoders), decoders);
    // A line without formats is left to the library to refuse.
    if missing.is_empty() || head.split(' ').count() < 4 {
        return None;
    }
    let taken = |number: u8| sdp.contains(&format!("\na=rtpmap:{number} "));
    let mut free = (96..=127).chain(35..=63).filter(|number| !taken(*number));
    let (mut head, mut added) = (head.trim_end().to_owned(), String::new());
    for codec in missing {
        let (number, repair) = (free.next()?, free.next()?);
        write!(head, " {number} {repair}").ok()?;
        codecs::describe(&mut added, &codec, number, repair);
    }
    let body = if body.ends_with('\n') { body.to_owned() } else { format!("{body}\r\n") };
    Some(format!("{}{head}\r\n{body}{added}{}", &sdp[..start], &sdp[end..]))
}

/// After a description was applied: each video m-line has the codecs that it has there, in our order; where we send, those
/// that we send.
pub(crate) async fn choose_codecs(pc: &Arc<dyn PeerConnection>, sdp: &str, decoders: Decoders) -> Result<()> {
    for transceiver in pc.get_transceivers().await {
        let Some(mid) = transceiver.mid().await? else { continue };
        let Some(section) = videos(sdp).find(|section| mid_of(section) == Some(&mid)) else { continue };
        let sends = transceiver.sender().await?.is_some();
        let chosen = if sends { codecs::sendable(section) } else { codecs::described(section, decoders) };
        if !chosen.is_empty() {
            transceiver.set_codec_preferences(chosen).await?;
        }
    }
    Ok(())
}

/// The sections of the video m-lines.
fn videos(sdp: &str) -> impl Iterator<Item = &str> {
    sdp.split("\nm=").skip(1).filter(|section| section.starts_with("video "))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";

    const NO_H264: Decoders = Decoders { h264: false };
    const H264: Decoders = Decoders { h264: true };

    /// Formats of the first video m-line.
    fn formats(sdp: &str) -> &str {
        let line = sdp.lines().find_map(|line| line.strip_prefix("m=video 9 UDP/TLS/RTP/SAVPF ")).unwrap();
        line.trim_end()
    }

    #[test]
    fn the_first_video_line_teaches_what_it_leaves_out() {
        let line = "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\na=mid:1\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n\
            a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n";
        let rest = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=rtpmap:111 opus/48000/2\r\n";
        let sdp = format!("{HEAD}{line}{rest}");
        let taught = with_missing_codecs(&sdp, NO_H264).unwrap();
        assert_eq!(formats(&taught), "98 99 96 97");
        assert!(taught.contains("a=rtpmap:96 VP8/90000\r\n") && taught.contains("a=fmtp:97 apt=96\r\n"));
        assert!(taught.starts_with(HEAD) && taught.ends_with(rest));

        let taught = with_missing_codecs(&sdp, H264).unwrap();
        assert!(formats(&taught).starts_with("98 99 96 97 100 101 "));
        assert_eq!(taught.matches(" H264/90000\r\n").count(), 5, "every profile");
        assert!(
            taught.contains("a=fmtp:100 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f\r\n")
        );
    }

    #[test]
    fn a_line_without_any_codec_of_ours_teaches_all() {
        let line = "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\na=rtpmap:96 AV1/90000\r\n";
        assert_eq!(formats(&with_missing_codecs(&format!("{HEAD}{line}"), NO_H264).unwrap()), "96 97 98 99 100");
    }

    #[test]
    fn there_is_nothing_to_teach_where_nothing_is_missing() {
        let full =
            "m=video 9 UDP/TLS/RTP/SAVPF 100 101\r\na=mid:1\r\na=rtpmap:100 VP8/90000\r\na=rtpmap:101 VP9/90000\r\n";
        for line in [full, "", "m=video", "m=video 9\r\n", "m=video 9 UDP/TLS/RTP/SAVPF\r\n"] {
            assert!(with_missing_codecs(&format!("{HEAD}{line}"), NO_H264).is_none(), "{line}");
        }
    }
}
