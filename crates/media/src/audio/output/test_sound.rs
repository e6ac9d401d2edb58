//! The test sound for speakers: two notes of a bell.

use std::time::Duration;

use confab_wire::media::{AUDIO_CLOCK_HZ, AudioPacket};
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::audio::capture::opus_encoder::OpusEncoder;
use crate::audio::mixer::PeerAudio;
use crate::audio::output::AudioOutput;
use crate::error::{Error, ErrorKind};
use crate::format::FRAME;
use crate::selector::AudioSink;

/// When each note begins, in seconds, and its frequency in Hz: a fourth upwards.
const NOTES: [(f32, f32); 2] = [(0.0, 659.26), (0.35, 880.0)];
/// How long it sounds.
const LENGTH: Duration = Duration::from_millis(1600);
/// Time constant by which a note dies away, in seconds.
const DECAY: f32 = 0.28;
/// How long a note takes to begin, in seconds: without, it clicks.
const ATTACK: f32 = 0.008;
/// Amplitude of a note.
const AMPLITUDE: f32 = 0.22;
/// Time of one packet.
const FRAME_TIME: Duration = Duration::from_millis(20);
/// What may still be in jitter buffer and device when the last packet is in.
const TAIL: Duration = Duration::from_millis(400);

/// Plays the sound on `sink` and returns when it has ended. Fails as [`AudioOutput::start`] does.
pub async fn play_test_sound(sink: AudioSink) -> Result<(), Error> {
    let output = AudioOutput::start(sink).await?;
    play_test_sound_into(output.add_peer()).await?;
    let failed = output.failed().borrow().clone();
    output.stop().await;
    failed.map_or(Ok(()), Err)
}

/// Plays the sound as one more peer of a mix and returns when it has ended. It is part of the mix's far end.
pub async fn play_test_sound_into(peer: PeerAudio) -> Result<(), Error> {
    let mut encoder = OpusEncoder::for_speech()?;
    let mut pace = interval(FRAME_TIME);
    pace.set_missed_tick_behavior(MissedTickBehavior::Burst);
    for number in 0..(LENGTH.as_millis() / FRAME_TIME.as_millis()) as usize {
        pace.tick().await;
        let start = number * FRAME;
        let mut frame = [0.0; FRAME];
        frame.iter_mut().enumerate().for_each(|(index, out)| *out = sample(start + index));
        let data = encoder.encode(&frame).map_err(|error| Error::with_detail(ErrorKind::Internal, error))?;
        peer.push(AudioPacket { data, timestamp: start as u32, sequence: number as u16, level: None });
    }
    sleep(TAIL).await;
    Ok(())
}

/// The sound at sample `index` of 48 kHz.
fn sample(index: usize) -> f32 {
    let now = index as f32 / AUDIO_CLOCK_HZ as f32;
    let notes = NOTES.iter().filter(|(begin, _)| now >= *begin).map(|(begin, hz)| {
        let since = now - begin;
        let strength = AMPLITUDE * (since / ATTACK).min(1.0) * (-since / DECAY).exp();
        let turn = std::f32::consts::TAU * hz * since;
        // The octave above it makes a bell of it.
        strength * (0.8 * turn.sin() + 0.2 * (2.0 * turn).sin())
    });
    notes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::dsp::level::{rms, tone_amplitude};

    #[test]
    fn two_notes_begin_softly_one_after_the_other_and_die_away() {
        let all: Vec<f32> = (0..AUDIO_CLOCK_HZ as usize * 16 / 10).map(sample).collect();
        assert!(all.iter().all(|sample| sample.abs() < 0.5));
        assert!(all.windows(2).all(|pair| (pair[1] - pair[0]).abs() < 0.06), "no click");
        let (first, second) = (&all[..14_400], &all[24_000..38_400]);
        assert!(
            tone_amplitude(first, 659.26, AUDIO_CLOCK_HZ) > 0.05 && tone_amplitude(first, 880.0, AUDIO_CLOCK_HZ) < 0.01
        );
        assert!(tone_amplitude(second, 880.0, AUDIO_CLOCK_HZ) > 0.05);
        assert!(rms(&all[all.len() - 4800..]) < 0.01);
    }
}
