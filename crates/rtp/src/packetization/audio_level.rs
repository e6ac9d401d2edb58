//! The header extension for the audio level (RFC 6464): how loud a packet is, without decoding it.

use bytes::Bytes;
use confab_wire::media::AudioLevel;
use rtc::rtp;
use rtc::rtp::extension::audio_level_extension::AudioLevelExtension;
use rtc::sdp::extmap::AUDIO_LEVEL_URI;
use rtc::shared::marshal::{Marshal, Unmarshal};

/// The id of the extension in an m-line's section of a description, if it has one (RFC 8285 section 5). A direction beside
/// the id does not matter: who does not send it will not.
pub fn id_in(section: &str) -> Option<u8> {
    let extensions = section.lines().filter_map(|line| line.strip_prefix("a=extmap:")?.trim_end().split_once(' '));
    let (id, _) = extensions.into_iter().find(|(_, uri)| uri.split(' ').next() == Some(AUDIO_LEVEL_URI))?;
    id.split('/').next()?.parse().ok()
}

/// Writes the level as the header extension `id`.
pub fn write(header: &mut rtp::Header, id: u8, level: AudioLevel) {
    let extension = AudioLevelExtension { level: level.decibels(), voice: level.voice };
    let written = extension.marshal().and_then(|payload| header.set_extension(id, payload.freeze()));
    if let Err(error) = written {
        // An id that the library negotiated and can't write: the packet goes without.
        tracing::debug!(%error, id, "the level of a packet is not told");
    }
}

/// Reads the level from the header extension `id`.
pub fn read(header: &rtp::Header, id: u8) -> Option<AudioLevel> {
    let mut payload: Bytes = header.get_extension(id)?;
    let extension = AudioLevelExtension::unmarshal(&mut payload).ok()?;
    Some(AudioLevel::from_decibels(extension.level, extension.voice))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut header = rtp::Header::default();
        assert_eq!(read(&header, 1), None);
        for level in [AudioLevel::from_decibels(0, true), AudioLevel::from_decibels(127, false)] {
            write(&mut header, 1, level);
            assert_eq!(read(&header, 1), Some(level));
            assert_eq!(read(&header, 2), None);
        }
        header.set_extension(3, Bytes::new()).unwrap();
        assert_eq!(read(&header, 3), None, "an extension without its byte says nothing");
    }

    #[test]
    fn the_id_is_what_the_description_gives_it() {
        let section = |line: &str| format!("audio 9 UDP/TLS/RTP/SAVPF 111\r\na=extmap:2 urn:x\r\n{line}\r\n");
        assert_eq!(id_in(&section("a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level")), Some(1));
        assert_eq!(id_in(&section("a=extmap:7/sendonly urn:ietf:params:rtp-hdrext:ssrc-audio-level vad=on")), Some(7));
        for none in ["", "a=extmap:300 urn:ietf:params:rtp-hdrext:ssrc-audio-level", "a=extmap:1 urn:y", "a=extmap:"] {
            assert_eq!(id_in(&section(none)), None, "{none}");
        }
    }
}
