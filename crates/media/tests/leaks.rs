//! Twenty starts and stops leave nothing behind. One test per process: it counts the threads of all.
// Helpers of tests may expect what a test may.
#![allow(clippy::expect_used)]
#![cfg(target_os = "linux")]

use std::time::Duration;

use confab_media::{
    AudioCapture, AudioOutput, AudioSink, AudioSource, VideoCapture, VideoConfig, VideoSource, recorder,
};
use confab_wire::media::VideoDemand;
use tokio::sync::watch;

/// Names of this process's threads that are ours.
fn threads() -> Vec<String> {
    let tasks = std::fs::read_dir("/proc/self/task").expect("a process has threads");
    tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .filter(|name| name.starts_with("confab"))
        .collect()
}

#[tokio::test]
async fn starts_and_stops_leave_no_thread() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let config = VideoConfig { width: 160, height: 90, fps: 30, bitrate: 100_000 };
    for round in 0..20 {
        let (_demand, receiver) = watch::channel(VideoDemand::full());
        let (video, mut frames) = VideoCapture::start(VideoSource::Pattern, config, receiver).await.expect("starts");
        let (audio, mut packets) = AudioCapture::start(AudioSource::Tone(440.0)).await.expect("starts");
        let output = AudioOutput::start(AudioSink::None).await.expect("starts");
        let peer = output.add_peer();
        peer.record(recorder().0.record_sound(dir.path().join(format!("{round}.wav"))));
        assert!(frames.recv().await.is_some());
        peer.push(packets.recv().await.expect("a packet"));
        drop(peer);
        if round % 2 == 0 {
            video.stop().await;
            audio.stop().await;
            output.stop().await;
        }
    }
    let gone = async {
        while !threads().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    if tokio::time::timeout(Duration::from_secs(10), gone).await.is_err() {
        panic!("left behind: {:?}", threads());
    }
}
