//! What the library leaves undone when it applies a description of the other side.

use super::codecs;
use super::sdp::{mid_of, silent_lines};
use rtc::rtp_transceiver::rtp_sender::RTCRtpCodecParameters;
use std::fmt::Write;
use std::sync::Arc;
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RTCRtpTransceiverDirection;

/// After an offer was applied: what it makes inactive is answered as inactive (RFC 3264 section 6.1). The library sees to it
/// the first time only.
pub(crate) async fn silence(pc: &Arc<dyn PeerConnection>, offer: &str) -> Result<()> {
    let silent = silent_lines(offer);
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

/// A description that teaches the library codecs, and what is to be undone of it.
pub(crate) struct Lesson {
    /// To be applied instead.
    pub(crate) sdp: String,
    mid: String,
    /// What the m-line really has.
    codecs: Vec<RTCRtpCodecParameters>,
}

/// The library takes the codecs of a whole connection from the first video m-line that it ever sees, so one that a codec
/// preference has shortened would shorten all others. `None` if `sdp` has none, or if nothing is missing in its first one.
pub(crate) fn lesson(sdp: &str) -> Option<Lesson> {
    let start = sdp.find("\nm=video ")? + 1;
    let end = sdp[start..].find("\nm=").map_or(sdp.len(), |end| start + end + 1);
    let section = &sdp[start..end];
    let codecs = codecs::described(section);
    let missing = codecs::missing(&codecs);
    // Without one that both know, the line is refused as it is.
    if codecs.is_empty() || missing.is_empty() {
        return None;
    }
    let taken = |number: u8| sdp.contains(&format!("\na=rtpmap:{number} "));
    let mut free = (96..=127).chain(35..=63).filter(|number| !taken(*number));
    let (head, body) = section.split_once('\n')?;
    let (mut head, mut added) = (head.trim_end().to_owned(), String::new());
    for codec in missing {
        let (number, repair) = (free.next()?, free.next()?);
        write!(head, " {number} {repair}").ok()?;
        codecs::describe(&mut added, &codec, number, repair);
    }
    let body = if body.ends_with('\n') { body.to_owned() } else { format!("{body}\r\n") };
    let sdp = format!("{}{head}\r\n{body}{added}{}", &sdp[..start], &sdp[end..]);
    Some(Lesson { sdp, mid: mid_of(section)?.to_owned(), codecs })
}

impl Lesson {
    /// After the description was applied: the m-line has what it has.
    pub(crate) async fn undo(self, pc: &Arc<dyn PeerConnection>) -> Result<()> {
        for transceiver in pc.get_transceivers().await {
            if transceiver.mid().await?.as_deref() == Some(&self.mid) {
                return transceiver.set_codec_preferences(self.codecs).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str =
        "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\n";

    #[test]
    fn the_first_video_line_teaches_what_it_leaves_out() {
        let line = "m=video 9 UDP/TLS/RTP/SAVPF 98 99\r\na=mid:1\r\na=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\n\
            a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n";
        let rest = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:2\r\na=rtpmap:111 opus/48000/2\r\n";
        let lesson = lesson(&format!("{HEAD}{line}{rest}")).unwrap();
        assert_eq!(lesson.mid, "1");
        let numbers: Vec<u8> = lesson.codecs.iter().map(|codec| codec.payload_type).collect();
        assert_eq!(numbers, [98, 99]);
        assert!(lesson.sdp.contains("\r\nm=video 9 UDP/TLS/RTP/SAVPF 98 99 96 97\r\na=mid:1\r\n"), "{}", lesson.sdp);
        assert!(lesson.sdp.contains("a=rtpmap:96 VP8/90000\r\n") && lesson.sdp.contains("a=fmtp:97 apt=96\r\n"));
        assert!(lesson.sdp.starts_with(HEAD) && lesson.sdp.ends_with(rest));
    }

    #[test]
    fn there_is_nothing_to_teach_where_nothing_is_missing_or_known() {
        let full =
            "m=video 9 UDP/TLS/RTP/SAVPF 100 101\r\na=mid:1\r\na=rtpmap:100 VP8/90000\r\na=rtpmap:101 VP9/90000\r\n";
        let other = "m=video 9 UDP/TLS/RTP/SAVPF 100\r\na=mid:1\r\na=rtpmap:100 H264/90000\r\n";
        for line in [full, other, "", "m=video", "m=video 9\r\n"] {
            assert!(lesson(&format!("{HEAD}{line}")).is_none(), "{line}");
        }
    }
}
