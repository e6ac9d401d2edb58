//! The codecs of a connection: VP8, VP9 (profile 0) and Opus, and retransmission for video.

use crate::media::encoding::{CodecPreferences, RtpCodec};
use confab_protocol::media::{AUDIO_CLOCK_HZ, Codec, MediaKind, VIDEO_CLOCK_HZ};
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9,
};
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use webrtc::error::Result;
use webrtc::peer_connection::MediaEngine;

/// What can be sent, the preferred first, with the payload types that Chromium has for them: in a collision of offers both
/// sides mean the same by a number. The retransmission of each video codec has the next number.
const SENDABLE: [(Codec, u8); 3] = [(Codec::Vp8, 96), (Codec::Vp9, 98), (Codec::Opus, 111)];
/// RTCP feedback for video (RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb).
const FEEDBACKS: [(&str, &str); 4] = [("goog-remb", ""), ("ccm", "fir"), ("nack", ""), ("nack", "pli")];

/// Registers all codecs.
pub(crate) fn register(engine: &mut MediaEngine) -> Result<()> {
    for (codec, payload_type) in SENDABLE {
        let kind = if codec.kind() == MediaKind::Audio { RtpCodecKind::Audio } else { RtpCodecKind::Video };
        engine.register_codec(RTCRtpCodecParameters { rtp_codec: rtp_codec(codec), payload_type }, kind)?;
        if kind == RtpCodecKind::Video {
            let rtx = rtx(format!("apt={payload_type}"));
            engine.register_codec(RTCRtpCodecParameters { rtp_codec: rtx, payload_type: payload_type + 1 }, kind)?;
        }
    }
    Ok(())
}

/// A codec as the library describes it.
pub(crate) fn rtp_codec(codec: Codec) -> RTCRtpCodec {
    let (mime, clock_rate, channels, fmtp) = match codec {
        Codec::Opus => (MIME_TYPE_OPUS, AUDIO_CLOCK_HZ, 2, "minptime=10;useinbandfec=1"),
        Codec::Vp8 => (MIME_TYPE_VP8, VIDEO_CLOCK_HZ, 0, ""),
        Codec::Vp9 => (MIME_TYPE_VP9, VIDEO_CLOCK_HZ, 0, "profile-id=0"),
        Codec::H264 => (MIME_TYPE_H264, VIDEO_CLOCK_HZ, 0, ""),
    };
    let feedbacks: &[(&str, &str)] = if codec.kind() == MediaKind::Video { &FEEDBACKS } else { &[] };
    let feedback =
        |(typ, parameter): &(&str, &str)| RTCPFeedback { typ: (*typ).into(), parameter: (*parameter).into() };
    RTCRtpCodec {
        mime_type: mime.to_owned(),
        clock_rate,
        channels,
        sdp_fmtp_line: fmtp.to_owned(),
        rtcp_feedback: feedbacks.iter().map(feedback).collect(),
    }
}

/// The codecs that an m-line of this kind offers, in order.
pub(crate) fn offered(kind: MediaKind, preferences: Option<&CodecPreferences>) -> Vec<RTCRtpCodecParameters> {
    let all: Vec<RTCRtpCodecParameters> = SENDABLE
        .iter()
        .filter(|(codec, _)| codec.kind() == kind)
        .map(|(codec, payload_type)| RTCRtpCodecParameters {
            rtp_codec: rtp_codec(*codec),
            payload_type: *payload_type,
        })
        .collect();
    let Some(preferences) = preferences else { return all };
    let mut chosen: Vec<RTCRtpCodecParameters> = Vec::new();
    for codec in preferences.choose(all.iter().map(|codec| public(&codec.rtp_codec)).collect(), kind) {
        let known = all.iter().find(|known| is_same(&known.rtp_codec, &codec));
        if let Some(known) = known
            && !chosen.iter().any(|chosen| chosen.payload_type == known.payload_type)
        {
            chosen.push(known.clone());
        }
    }
    if chosen.is_empty() { all } else { chosen }
}

/// The payload type under which `codec` may be sent, of what was negotiated.
pub(crate) fn payload_type(codec: Codec, negotiated: &[RTCRtpCodecParameters]) -> Option<u8> {
    let wanted = rtp_codec(codec).mime_type;
    negotiated
        .iter()
        .find(|known| known.rtp_codec.mime_type.eq_ignore_ascii_case(&wanted))
        .map(|known| known.payload_type)
}

/// Those of ours that an m-line's section has, with its payload types, in its order, and retransmission behind them.
pub(crate) fn described(section: &str) -> Vec<RTCRtpCodecParameters> {
    let value = |line: &'_ str, name: &str| line.trim_end().strip_prefix(name).map(str::to_owned);
    let maps: Vec<String> = section.lines().filter_map(|line| value(line, "a=rtpmap:")).collect();
    let formats = section.lines().next().unwrap_or_default().trim_end().split(' ').skip(3);
    let (mut found, mut repairs) = (Vec::<RTCRtpCodecParameters>::new(), Vec::new());
    for number in formats.filter_map(|format| format.parse::<u8>().ok()) {
        let map = maps.iter().find_map(|map| map.strip_prefix(&format!("{number} ")));
        let name = map.and_then(|map| map.split('/').next()).unwrap_or_default();
        let fmtp = section.lines().find_map(|line| value(line, &format!("a=fmtp:{number} "))).unwrap_or_default();
        if name.eq_ignore_ascii_case("rtx") {
            repairs.push((number, fmtp));
            continue;
        }
        // Of the profiles of VP9 only 0, which is also what none means (RFC 9628 section 6).
        let profile = fmtp.split(';').find_map(|parameter| parameter.trim().strip_prefix("profile-id="));
        let known = SENDABLE
            .iter()
            .map(|(codec, _)| rtp_codec(*codec))
            .find(|known| known.mime_type.rsplit('/').next().is_some_and(|known| name.eq_ignore_ascii_case(known)));
        if let Some(known) = known
            && profile.is_none_or(|profile| profile == "0")
            && !found.iter().any(|found| found.rtp_codec.mime_type == known.mime_type)
        {
            found.push(RTCRtpCodecParameters { rtp_codec: known, payload_type: number });
        }
    }
    for (number, fmtp) in repairs {
        if found.iter().any(|found| fmtp == format!("apt={}", found.payload_type)) {
            found.push(RTCRtpCodecParameters { rtp_codec: rtx(fmtp), payload_type: number });
        }
    }
    found
}

/// The video codecs of ours that are not among these.
pub(crate) fn missing(among: &[RTCRtpCodecParameters]) -> Vec<RTCRtpCodec> {
    SENDABLE
        .iter()
        .filter(|(codec, _)| codec.kind() == MediaKind::Video)
        .map(|(codec, _)| rtp_codec(*codec))
        .filter(|codec| !among.iter().any(|known| known.rtp_codec.mime_type == codec.mime_type))
        .collect()
}

/// Writes the lines of an m-line's section that describe `codec` and its retransmission.
pub(crate) fn describe(section: &mut String, codec: &RTCRtpCodec, number: u8, repair: u8) {
    let name = codec.mime_type.rsplit('/').next().unwrap_or_default();
    let mut lines = vec![format!("rtpmap:{number} {name}/{VIDEO_CLOCK_HZ}")];
    lines.extend(FEEDBACKS.iter().map(|(typ, parameter)| format!("rtcp-fb:{number} {typ} {parameter}")));
    if !codec.sdp_fmtp_line.is_empty() {
        lines.push(format!("fmtp:{number} {}", codec.sdp_fmtp_line));
    }
    lines.push(format!("rtpmap:{repair} rtx/{VIDEO_CLOCK_HZ}"));
    lines.push(format!("fmtp:{repair} apt={number}"));
    for line in lines {
        section.push_str("a=");
        section.push_str(line.trim_end());
        section.push_str("\r\n");
    }
}

fn rtx(fmtp: String) -> RTCRtpCodec {
    RTCRtpCodec {
        mime_type: MIME_TYPE_RTX.to_owned(),
        clock_rate: VIDEO_CLOCK_HZ,
        channels: 0,
        sdp_fmtp_line: fmtp,
        rtcp_feedback: Vec::new(),
    }
}

fn public(codec: &RTCRtpCodec) -> RtpCodec {
    RtpCodec {
        mime_type: codec.mime_type.clone(),
        clock_rate: codec.clock_rate,
        channels: (codec.channels != 0).then_some(codec.channels),
        sdp_fmtp_line: Some(codec.sdp_fmtp_line.clone()).filter(|line| !line.is_empty()),
    }
}

fn is_same(known: &RTCRtpCodec, wanted: &RtpCodec) -> bool {
    let known = public(known);
    known.mime_type.eq_ignore_ascii_case(&wanted.mime_type)
        && (known.clock_rate, known.channels) == (wanted.clock_rate, wanted.channels)
        && known.sdp_fmtp_line == wanted.sdp_fmtp_line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(kind: MediaKind, choose: fn(Vec<RtpCodec>) -> Vec<RtpCodec>) -> Vec<String> {
        let preferences = CodecPreferences::new(move |codecs, _| choose(codecs));
        offered(kind, Some(&preferences)).into_iter().map(|codec| codec.rtp_codec.mime_type).collect()
    }

    #[test]
    fn vp8_comes_first_unless_the_stream_says_otherwise() {
        let default: Vec<u8> = offered(MediaKind::Video, None).iter().map(|codec| codec.payload_type).collect();
        assert_eq!(default, [96, 98]);
        assert_eq!(names(MediaKind::Video, |codecs| codecs.into_iter().rev().collect()), ["video/VP9", "video/VP8"]);
        assert_eq!(names(MediaKind::Video, |mut codecs| codecs.split_off(1)), ["video/VP9"]);
    }

    #[test]
    fn what_is_not_known_is_ignored_and_nothing_means_the_default() {
        let unknown = |mut codecs: Vec<RtpCodec>| {
            codecs[0].mime_type = "video/AV1".into();
            codecs[1].mime_type = "VIDEO/vp9".into();
            [codecs.clone(), codecs].concat()
        };
        assert_eq!(names(MediaKind::Video, unknown), ["video/VP9"]);
        assert_eq!(names(MediaKind::Video, |_| Vec::new()), ["video/VP8", "video/VP9"]);
        assert_eq!(names(MediaKind::Audio, |_| Vec::new()), ["audio/opus"]);
    }
}
