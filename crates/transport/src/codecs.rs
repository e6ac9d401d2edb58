//! The codecs of a connection: VP8, VP9 (profile 0) and Opus, retransmission for video, and H.264 where it can be decoded and
//! a peer sends nothing else.

use crate::codec_preferences::{CodecPreferences, RtpCodec};
use confab_wire::media::{AUDIO_CLOCK_HZ, Codec, Decoders, MediaKind, VIDEO_CLOCK_HZ};
use rtc::peer_connection::configuration::media_engine::{
    MIME_TYPE_H264, MIME_TYPE_OPUS, MIME_TYPE_RTX, MIME_TYPE_VP8, MIME_TYPE_VP9,
};
use rtc::rtp_transceiver::rtp_sender::{RTCPFeedback, RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use webrtc::error::Result;
use webrtc::peer_connection::MediaEngine;

/// What can be sent, the preferred first, with the payload types that Chromium has for them: in a collision of offers both
/// sides mean the same by a number. The retransmission of each video codec has the next number.
const SENDABLE: [(Codec, u8); 3] = [(Codec::Vp8, 96), (Codec::Vp9, 98), (Codec::Opus, 111)];
/// Formats of one m-line that are read.
const FORMATS: usize = 128;
/// RTCP feedback for video (RFC 4585, RFC 5104, draft-alvestrand-rmcat-remb, draft-holmer-rmcat-transport-wide-cc-extensions).
const FEEDBACKS: [(&str, &str); 5] = [("goog-remb", ""), TRANSPORT_CC, ("ccm", "fir"), ("nack", ""), ("nack", "pli")];
const TRANSPORT_CC: (&str, &str) = ("transport-cc", "");

/// H.264 is never sent (its patents forbid an encoder here), so nobody is offered it: these are only to find a peer's own.
/// The profiles of 4:2:0 pictures that WebRTC's senders have, with payload types that nothing else has.
const H264_PROFILES: [(&str, u8); 5] =
    [("42e01f", 102), ("42001f", 104), ("4d001f", 106), ("64001f", 108), ("640c1f", 112)];

/// Registers all codecs.
pub(crate) fn register(engine: &mut MediaEngine, decoders: Decoders) -> Result<()> {
    let sendable = SENDABLE.map(|(codec, payload_type)| (rtp_codec(codec), codec.kind(), payload_type));
    let received = h264(decoders).map(|(codec, payload_type)| (codec, MediaKind::Video, payload_type));
    for (rtp_codec, kind, payload_type) in sendable.into_iter().chain(received) {
        let kind = if kind == MediaKind::Audio { RtpCodecKind::Audio } else { RtpCodecKind::Video };
        engine.register_codec(RTCRtpCodecParameters { rtp_codec, payload_type }, kind)?;
        if kind == RtpCodecKind::Video {
            let rtx = rtx(format!("apt={payload_type}"));
            engine.register_codec(RTCRtpCodecParameters { rtp_codec: rtx, payload_type: payload_type + 1 }, kind)?;
        }
    }
    Ok(())
}

/// H.264 in every profile, if it can be decoded.
fn h264(decoders: Decoders) -> impl Iterator<Item = (RTCRtpCodec, u8)> {
    let profiles = H264_PROFILES.into_iter().filter(move |_| decoders.takes(Codec::H264));
    profiles.map(|(profile, payload_type)| (h264_with(&h264_parameters(profile)), payload_type))
}

fn h264_parameters(profile: &str) -> String {
    format!("level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}")
}

fn h264_with(parameters: &str) -> RTCRtpCodec {
    RTCRtpCodec { sdp_fmtp_line: parameters.to_owned(), ..rtp_codec(Codec::H264) }
}

/// A codec as the library describes it.
pub(crate) fn rtp_codec(codec: Codec) -> RTCRtpCodec {
    let (mime, clock_rate, channels, fmtp) = match codec {
        Codec::Opus => (MIME_TYPE_OPUS, AUDIO_CLOCK_HZ, 2, "minptime=10;useinbandfec=1"),
        Codec::Vp8 => (MIME_TYPE_VP8, VIDEO_CLOCK_HZ, 0, ""),
        Codec::Vp9 => (MIME_TYPE_VP9, VIDEO_CLOCK_HZ, 0, "profile-id=0"),
        Codec::H264 => (MIME_TYPE_H264, VIDEO_CLOCK_HZ, 0, ""),
    };
    let feedbacks: &[(&str, &str)] = if codec.kind() == MediaKind::Video { &FEEDBACKS } else { &[TRANSPORT_CC] };
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

/// The payload type under which `codec` may be sent, of what was negotiated. There is none for H.264.
pub(crate) fn payload_type(codec: Codec, negotiated: &[RTCRtpCodecParameters]) -> Option<u8> {
    let wanted = rtp_codec(codec).mime_type;
    negotiated
        .iter()
        .find(|known| known.rtp_codec.mime_type.eq_ignore_ascii_case(&wanted))
        .map(|known| known.payload_type)
}

/// A format of an m-line (RFC 8866 section 5.14).
struct Format<'a> {
    /// Payload type.
    number: u8,
    /// Encoding name (`a=rtpmap`).
    name: &'a str,
    /// Parameters (`a=fmtp`).
    parameters: &'a str,
}

impl Format<'_> {
    fn parameter(&self, name: &str) -> Option<&str> {
        let parameters = self.parameters.split(';').filter_map(|parameter| parameter.trim().split_once('='));
        parameters.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The codec, if it is one of ours in a form that can be received.
    fn codec(&self) -> Option<Codec> {
        let known = [("VP8", Codec::Vp8), ("VP9", Codec::Vp9), ("H264", Codec::H264), ("opus", Codec::Opus)];
        let (_, codec) = known.into_iter().find(|(known, _)| self.name.eq_ignore_ascii_case(known))?;
        let fits = match codec {
            // Of the profiles only 0, which is also what none means (RFC 9628 section 6).
            Codec::Vp9 => self.parameter("profile-id").is_none_or(|profile| profile == "0"),
            // RFC 6184 section 8.1: what is not said is mode 0. The profile is the first of three bytes.
            Codec::H264 => {
                let is_known = |id: &str| H264_PROFILES.iter().any(|(known, _)| id.get(..2) == known.get(..2));
                self.parameter("packetization-mode") == Some("1")
                    && self.parameter("profile-level-id").is_some_and(is_known)
            }
            Codec::Vp8 | Codec::Opus => true,
        };
        fits.then_some(codec)
    }
}

/// The formats in an m-line's section, in the order of the m-line.
fn formats(section: &str) -> impl Iterator<Item = Format<'_>> {
    let head = section.lines().next().unwrap_or_default().trim_end();
    head.split(' ').skip(3).take(FORMATS).filter_map(move |number| {
        // The value of a line that is about this format.
        let value = |kind: &str| {
            let of_kind = section.lines().filter_map(move |line| line.strip_prefix(kind));
            of_kind.filter_map(|line| line.trim_end().split_once(' ')).find(|(of, _)| *of == number).map(|(_, it)| it)
        };
        let name = value("a=rtpmap:")?.split('/').next()?;
        Some(Format { number: number.parse().ok()?, name, parameters: value("a=fmtp:").unwrap_or_default() })
    })
}

/// Payload type and codec of what can be received of an m-line's section of this kind, in its order.
pub(crate) fn receivable(section: &str, kind: MediaKind, decoders: Decoders) -> Vec<(u8, Codec)> {
    let known = formats(section).filter_map(|format| Some((format.number, format.codec()?)));
    known.filter(|(_, codec)| codec.kind() == kind && decoders.takes(*codec)).collect()
}

/// The name of the first format in an m-line's section: what its author likes to send.
pub(crate) fn preferred(section: &str) -> Option<&str> {
    formats(section).next().map(|format| format.name)
}

/// The video codecs of ours that an m-line's section has, each once, with its payload types: in its order, but H.264 last;
/// retransmission behind them.
pub(crate) fn described(section: &str, decoders: Decoders) -> Vec<RTCRtpCodecParameters> {
    let mut found = Vec::<RTCRtpCodecParameters>::new();
    for format in formats(section) {
        let rtp_codec = match format.codec().filter(|codec| decoders.takes(*codec)) {
            Some(Codec::H264) => h264_with(format.parameters),
            Some(codec) if codec.kind() == MediaKind::Video => rtp_codec(codec),
            _ => continue,
        };
        if !has(&found, &rtp_codec) {
            found.push(RTCRtpCodecParameters { rtp_codec, payload_type: format.number });
        }
    }
    found.sort_by_key(|codec| codec.rtp_codec.mime_type == MIME_TYPE_H264);
    for format in formats(section).filter(|format| format.name.eq_ignore_ascii_case("rtx")) {
        if found.iter().any(|found| format.parameters == format!("apt={}", found.payload_type)) {
            found.push(RTCRtpCodecParameters {
                rtp_codec: rtx(format.parameters.to_owned()),
                payload_type: format.number,
            });
        }
    }
    found
}

/// The video codecs of an m-line's section that may stand where we send: never H.264, and all that we send if nothing else is
/// left.
pub(crate) fn sendable(section: &str) -> Vec<RTCRtpCodecParameters> {
    let described = described(section, Decoders { h264: false });
    if described.is_empty() { offered(MediaKind::Video, None) } else { described }
}

/// The video codecs that can be received and are not among these.
pub(crate) fn missing(among: &[RTCRtpCodecParameters], decoders: Decoders) -> Vec<RTCRtpCodec> {
    let videos = SENDABLE.iter().filter(|(codec, _)| codec.kind() == MediaKind::Video);
    let all = videos.map(|(codec, _)| rtp_codec(*codec)).chain(h264(decoders).map(|(codec, _)| codec));
    all.filter(|codec| !has(among, codec)).collect()
}

fn has(among: &[RTCRtpCodecParameters], codec: &RTCRtpCodec) -> bool {
    among.iter().any(|known| known.rtp_codec.mime_type == codec.mime_type)
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
