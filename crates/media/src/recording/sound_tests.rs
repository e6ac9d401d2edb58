use super::*;
use crate::error::{Error, ErrorKind};
use crate::recording::recorder;

const PATIENCE: Duration = Duration::from_secs(20);

/// What becomes of a recording into `path` in which blocks are written.
async fn outcome(path: &std::path::Path, blocks: usize) -> Vec<Error> {
    let (recorder, mut failures) = recorder();
    let recording = recorder.record_sound(path);
    drop(recorder);
    let mut tap = recording.tap();
    for _ in 0..blocks {
        let _ = tap.write(&[0.5; BLOCK]);
    }
    drop(recording);
    let mut all = Vec::new();
    let told = async {
        while let Some(failure) = failures.next().await {
            all.push(failure);
        }
    };
    tokio::time::timeout(PATIENCE, told).await.expect("it ends");
    all
}

#[tokio::test]
async fn a_file_is_whole_when_its_recorder_has_nothing_more_to_say() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.wav");
    assert_eq!(outcome(&path, 150).await, []);
    let samples: Vec<i16> =
        hound::WavReader::open(&path).expect("a WAV file").into_samples().collect::<Result<_, _>>().expect("samples");
    assert_eq!((samples.len(), samples[0]), (150 * BLOCK, 16_383));
}

#[tokio::test]
async fn what_did_not_fit_is_silence_and_is_said() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.wav");
    let (recorder, mut failures) = recorder();
    let shared = Shared { blocks: ArrayQueue::new(QUEUE), ended: AtomicBool::new(true) };
    for silence in [0, 30, 0] {
        shared.blocks.push(RecordedBlock { silence, block: [1; BLOCK] }).expect("room");
    }
    record(&shared, &RecordingReport::new(&path, recorder.failures))
        .map_err(|error| error.to_string())
        .expect("writable");
    assert!(failures.next().await.is_some_and(|failure| failure.to_string().contains("too slow")));
    assert_eq!(failures.next().await, None, "once");
    assert_eq!(hound::WavReader::open(&path).expect("a WAV file").len() as usize, 33 * BLOCK);
}

#[tokio::test]
async fn what_can_not_be_written_is_said_once() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    for path in [dir.path().join("none/a.wav"), dir.path().to_owned(), "/dev/full".into()] {
        let failures = outcome(&path, 150).await;
        assert_eq!(failures.len(), 1, "{}: {failures:?}", path.display());
        assert_eq!(*failures[0].kind(), ErrorKind::RecordingFailed);
        assert!(failures[0].to_string().contains(&path.display().to_string()), "{}", failures[0]);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_disk_that_hangs_holds_up_neither_the_mix_nor_the_end() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("a.wav");
    // Opening a pipe that nobody reads waits for ever.
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &path,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .expect("a pipe");
    let (recorder, mut failures) = recorder();
    let recording = recorder.record_sound(&path);
    let mut tap = recording.tap();
    assert!((0..3 * QUEUE).all(|_| tap.write(&[0.5; BLOCK])));
    drop((recording, recorder));
    assert!(!tap.write(&[0.5; BLOCK]), "the recording has ended");
    assert!(tokio::time::timeout(Duration::from_millis(200), failures.next()).await.is_err(), "the file is not whole");
    // A reader, so that the thread ends.
    let reader = tokio::task::spawn_blocking(move || std::fs::read(path));
    assert!(failures.next().await.is_some(), "a pipe is no file");
    assert_eq!(failures.next().await, None);
    reader.await.expect("ends").expect("readable");
}
