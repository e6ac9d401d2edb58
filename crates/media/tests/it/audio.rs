//! From source to mix: tones that are spoken here are heard there.

use std::time::Duration;

use confab_media::{
    AudioCapture, AudioOutput, AudioSink, AudioSource, ErrorKind, PeerAudio, RecordingFailures, TONE_AMPLITUDE,
    recorder,
};
use confab_testkit::clips;
use confab_testkit::sound::Sound;
use confab_wire::media::AudioPacket;
use tokio::sync::mpsc;
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);

/// Waits until `condition` holds.
async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let wait = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, wait).await.unwrap_or_else(|_| panic!("in vain: {what}"));
}

/// Waits until all recordings have ended.
async fn is_whole(mut failures: RecordingFailures) {
    assert_eq!(timeout(PATIENCE, failures.next()).await.expect("in time"), None);
}

/// Moves packets from a capture to a peer until the capture ends.
fn connect(mut packets: mpsc::Receiver<AudioPacket>, peer: PeerAudio) -> tokio::task::JoinHandle<PeerAudio> {
    tokio::spawn(async move {
        while let Some(packet) = packets.recv().await {
            peer.push(packet);
        }
        peer
    })
}

#[tokio::test]
async fn a_tone_is_heard_and_recorded_and_a_mute_is_silence() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("heard.wav");
    let (capture, packets) = AudioCapture::start(AudioSource::Tone(660.0)).await.expect("starts");
    let output = AudioOutput::start(AudioSink::None).await.expect("starts");
    let peer = output.add_peer();
    let (recorder, failures) = recorder();
    peer.record(recorder.record_sound(&path));
    let expected = TONE_AMPLITUDE / 2f32.sqrt();
    let (hear, heard) = (std::sync::Arc::new(peer), packets);
    let forward = {
        let (peer, mut packets) = (hear.clone(), heard);
        tokio::spawn(async move {
            while let Some(packet) = packets.recv().await {
                peer.push(packet);
            }
        })
    };
    until("the tone", || (hear.level() - expected).abs() < 0.02).await;
    assert!((capture.level() - expected).abs() < 0.02, "own level {}", capture.level());
    until("the mix", || (output.level() - expected).abs() < 0.02).await;
    let recorded = hear.stats().received;
    until("a second of it", || hear.stats().received > recorded + 50).await;

    capture.set_muted(true);
    assert!((capture.level() - expected).abs() < 0.02, "one's own voice is measured while muted");
    until("silence", || hear.level() == 0.0 && output.level() == 0.0).await;
    let before = hear.stats();
    assert!(before.concealed < 12, "no endless concealment: {before:?}");
    capture.set_muted(false);
    until("the tone again", || (hear.level() - expected).abs() < 0.02).await;
    assert!(hear.stats().starts >= 2);
    capture.stop().await;
    forward.await.expect("ends with the capture");
    hear.stop_recording();
    drop(recorder);
    is_whole(failures).await;
    let sound = Sound::read(&path).expect("a WAV file");
    assert_eq!(sound.rate, 48_000);
    assert!((sound.tone(660.0) - TONE_AMPLITUDE).abs() < 0.05, "recorded amplitude {}", sound.tone(660.0));
    assert!(sound.tone(990.0) < 0.05);
    output.stop().await;
}

#[tokio::test]
async fn nothing_is_sent_from_the_moment_of_the_mute() {
    let (capture, mut packets) = AudioCapture::start(AudioSource::Tone(440.0)).await.expect("starts");
    for _ in 0..5 {
        timeout(PATIENCE, packets.recv()).await.expect("in time").expect("a packet");
    }
    capture.set_muted(true);
    // A packet that was on its way into the channel is the last.
    let mut after = 0;
    while timeout(Duration::from_millis(200), packets.recv()).await.is_ok() {
        after += 1;
    }
    assert!(after <= 1, "{after} packets after the mute");
    capture.set_muted(false);
    assert!(timeout(PATIENCE, packets.recv()).await.expect("in time").is_some());
}

#[tokio::test]
async fn packets_count_time_and_sequence() {
    let (capture, mut packets) = AudioCapture::start(AudioSource::Tone(440.0)).await.expect("starts");
    let mut last: Option<AudioPacket> = None;
    for _ in 0..25 {
        let packet = timeout(PATIENCE, packets.recv()).await.expect("in time").expect("a packet");
        if let Some(last) = last {
            assert_eq!(packet.sequence, last.sequence.wrapping_add(1));
            let step = packet.timestamp.wrapping_sub(last.timestamp);
            // A machine that stood still makes one jump.
            assert!(step >= 960, "step of {step}");
        }
        last = Some(packet);
    }
    drop(capture);
    let ended = async { while packets.recv().await.is_some() {} };
    timeout(PATIENCE, ended).await.expect("dropping the capture ends its packets");
}

#[tokio::test]
async fn a_file_of_any_rate_is_played_in_a_loop() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("clip.wav");
    let spec = hound::WavSpec {
        channels: 2,
        sample_rate: 22_050,
        bits_per_sample: 24,
        sample_format: hound::SampleFormat::Int,
    };
    let mut writer = hound::WavWriter::create(&path, spec).expect("writable");
    for n in 0..22_050 / 2 {
        let sample = (n as f32 * 800.0 * std::f32::consts::TAU / 22_050.0).sin() * 0.5;
        // Left only: mixed down to half.
        writer.write_sample((sample * 8_388_607.0) as i32).expect("writable");
        writer.write_sample(0).expect("writable");
    }
    writer.finalize().expect("writable");
    let recording = dir.path().join("heard.wav");
    let (capture, packets) = AudioCapture::start(AudioSource::Wav(path)).await.expect("starts");
    let output = AudioOutput::start(AudioSink::None).await.expect("starts");
    let peer = output.add_peer();
    let (recorder, failures) = recorder();
    peer.record(recorder.record_sound(&recording));
    drop(recorder);
    let forward = connect(packets, peer);
    // Three rounds of the half-second file.
    until("sound", || output.level() > 0.1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    capture.stop().await;
    drop(forward.await.expect("ends with the capture"));
    output.stop().await;
    is_whole(failures).await;
    let sound = Sound::read(&recording).expect("a WAV file");
    assert!((sound.tone(800.0) - 0.25).abs() < 0.05, "{}", sound.tone(800.0));
}

#[tokio::test]
async fn bad_files_say_why() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let file = |name: &str, content: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, content).expect("writable");
        path
    };
    let good = dir.path().join("good.wav");
    clips::tone_wav(&good, &[440.0], 0.1).expect("writable");
    let bytes = std::fs::read(&good).expect("readable");
    let mut no_rate = bytes.clone();
    no_rate[24..28].copy_from_slice(&[0; 4]);
    let mut huge = bytes.clone();
    huge[40..44].copy_from_slice(&[0xfe, 0xff, 0xff, 0xff]);
    for (path, code) in [
        (dir.path().join("missing.wav"), ErrorKind::FileUnreadable),
        (dir.path().to_owned(), ErrorKind::FileUnreadable),
        (file("empty.wav", b""), ErrorKind::FileFormat),
        (file("rubbish.wav", &[7; 500]), ErrorKind::FileFormat),
        (file("header.wav", &bytes[..44]), ErrorKind::FileFormat),
        (file("cut.wav", &bytes[..30]), ErrorKind::FileFormat),
        (file("no-rate.wav", &no_rate), ErrorKind::FileFormat),
    ] {
        let result =
            AudioCapture::start(AudioSource::Wav(path.clone())).await.map(drop).map_err(|error| error.kind().clone());
        assert_eq!(result, Err(code), "{}", path.display());
    }
    // A size that lies is played as far as it goes.
    let (_capture, mut packets) = AudioCapture::start(AudioSource::Wav(file("huge.wav", &huge))).await.expect("starts");
    for _ in 0..12 {
        assert!(timeout(PATIENCE, packets.recv()).await.expect("in time").is_some());
    }
}

#[tokio::test]
async fn a_recording_that_cannot_be_written_says_so() {
    let output = AudioOutput::start(AudioSink::None).await.expect("starts");
    let (recorder, mut failures) = recorder();
    let peer = output.add_peer();
    peer.record(recorder.record_sound("/nowhere/at/all.wav"));
    let error = timeout(PATIENCE, failures.next()).await.expect("in time").expect("fails");
    assert_eq!(*error.kind(), ErrorKind::RecordingFailed);
    assert!(error.to_string().contains("/nowhere/at/all.wav"), "{error}");
}

#[tokio::test]
async fn none_sends_nothing_and_stays_open() {
    let (capture, mut packets) = AudioCapture::start(AudioSource::None).await.expect("starts");
    assert!(timeout(Duration::from_millis(100), packets.recv()).await.is_err());
    capture.stop().await;
    assert!(timeout(PATIENCE, packets.recv()).await.expect("in time").is_none());
}
