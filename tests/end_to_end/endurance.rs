//! A call of four in which devices are swapped and screens shared and stopped all the time: nothing may grow.
//!
//! A short form runs with all tests. `make endurance` runs half an hour of it, a round a minute, and prints what was measured.
#![allow(clippy::unwrap_used, clippy::expect_used)] // A test says what it expected by panicking.

use confab_call::{
    AudioSink, AudioSource, Call, CallConfig, CallEvents, DeviceSelection, TrackFrame, VideoConfig, VideoSource,
};
use confab_ipc::UiEvent;
use confab_server::{Server, ServerConfig};
use confab_testkit::body::{self, Body};
use confab_testkit::clips;
use confab_testkit::pulse::Pulse;
use confab_testkit::window::Display;
use confab_wire::{
    media::Processing,
    room::{RoomId, RoomLink},
};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::{sleep, sleep_until, timeout};

const PATIENCE: Duration = Duration::from_secs(60);
/// Who is in the call.
const NAMES: [&str; 4] = ["Ann", "Ben", "Cy", "Dee"];
/// Devices of each kind: one more than people, so that there is always another one.
const DEVICES: usize = NAMES.len() + 1;
/// Minutes of the long form; without it the short one runs.
const MINUTES: &str = "CONFAB_ENDURANCE_MINUTES";
/// Rounds of the short form.
const SHORT: u32 = 16;
/// Rounds after which everything that is made once has been made: everybody has swapped and shared, twice.
const WARM: u32 = 2 * NAMES.len() as u32;
/// Threads and tasks that may be about at the moment of a look: the runtime keeps threads for what blocks.
const SLACK: usize = 6;
/// Memory may grow by this much, in MB: what is kept to be sent again fills for minutes.
const MEMORY: f64 = 24.0;

/// What the process holds.
#[derive(Debug, Clone, Copy)]
struct Held {
    descriptors: usize,
    threads: usize,
    tasks: usize,
    /// Resident memory in MB (10⁶ bytes).
    memory: f64,
}

impl Held {
    fn now() -> Self {
        let entries = |dir: &str| std::fs::read_dir(dir).unwrap().count();
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let kilobytes = |field: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
            line.trim().trim_end_matches(" kB").parse::<f64>().unwrap()
        };
        Self {
            descriptors: entries("/proc/self/fd"),
            threads: entries("/proc/self/task"),
            tasks: Handle::current().metrics().num_alive_tasks(),
            memory: kilobytes("VmRSS:") * 1024.0 / 1e6,
        }
    }

    /// True if nothing is more than `before`.
    fn is_flat(&self, before: &Self) -> bool {
        self.descriptors <= before.descriptors + SLACK
            && self.threads <= before.threads + SLACK
            && self.tasks <= before.tasks + SLACK
            && self.memory <= before.memory + MEMORY
    }
}

struct Person {
    call: Call,
    events: CallEvents,
}

impl Person {
    async fn wait(&mut self, what: &str, mut found: impl FnMut(&UiEvent) -> bool) {
        let search = async {
            loop {
                let event = self.events.recv().await.unwrap_or_else(|| panic!("the call ended before {what}"));
                if found(&event) {
                    return;
                }
            }
        };
        timeout(PATIENCE, search).await.unwrap_or_else(|_| panic!("{what} did not come"));
    }

    async fn join(link: &RoomLink, number: usize) -> Self {
        let config = CallConfig {
            video: VideoSource::Pattern,
            video_config: VideoConfig { width: 320, height: 180, fps: 10, bitrate: 200_000 },
            audio: AudioSource::Mic(Some(format!("mic{number}"))),
            speaker: AudioSink::Speaker(Some(format!("spk{number}"))),
            // The microphones hear tones that do not end, which are noise or an echo to who looks for voices.
            processing: Processing { echo_cancellation: false, noise_suppression: false, gain_control: false },
            ..CallConfig::new(link.clone(), NAMES[number])
        };
        let (call, events) = Call::join(config).await.unwrap();
        Self { call, events }
    }

    /// Changes to the devices with this number.
    async fn swap(&self, number: usize) {
        let (microphone, speaker) = (Some(format!("mic{number}")), Some(format!("spk{number}")));
        self.call.set_devices(DeviceSelection { microphone, speaker, camera: None }).await;
    }

    /// Waits until every other one is heard.
    async fn hears_all(&mut self) {
        let mut heard = Vec::new();
        self.wait("everybody's sound", |event| {
            if let UiEvent::Levels { levels } = event {
                for (id, level) in levels {
                    if id != "self" && *level > 0.01 && !heard.contains(id) {
                        heard.push(id.clone());
                    }
                }
            }
            heard.len() == NAMES.len() - 1
        })
        .await;
    }
}

/// Waits for a picture of a track. What carries pictures is made with the first one: a share that ends before it would leave
/// that to a later round, where it would look like growth.
async fn shown(mut frames: broadcast::Receiver<TrackFrame>, handle: u32) {
    let search = async {
        loop {
            match frames.recv().await {
                Ok(frame) if frame.handle == handle => return,
                Ok(_) | Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => panic!("the call ended before a picture of the shared screen"),
            }
        }
    };
    timeout(PATIENCE, search).await.expect("a picture of the shared screen");
}

/// One round: somebody swaps devices, somebody shares, all see it and see it end.
async fn round(people: &mut [Person], number: u32) {
    let who = number as usize % NAMES.len();
    // Everybody moves to the device that the one before has left, in turn.
    people[who].swap((who + 1 + number as usize / NAMES.len()) % DEVICES).await;
    let sharing = (who + 1) % NAMES.len();
    let screen = "screen".parse::<VideoSource>().unwrap();
    // From before the share: of a screen on which nothing moves there may be one picture only.
    let frames: Vec<_> = people.iter().map(|person| person.call.frames()).collect();
    people[sharing].call.start_share(screen, AudioSource::None).await.unwrap();
    let mut handles = Vec::new();
    for ((index, person), frames) in
        people.iter_mut().enumerate().zip(frames).filter(|((index, _), _)| *index != sharing)
    {
        let mut handle = 0;
        person
            .wait("the shared screen", |event| match event {
                UiEvent::TrackAdded { track, .. } if track.event == "screen" => {
                    handle = track.handle;
                    true
                }
                _ => false,
            })
            .await;
        shown(frames, handle).await;
        handles.push((index, handle));
    }
    people[sharing].call.stop_share().await;
    for (index, shown) in handles {
        people[index]
            .wait(
                "the end of the shared screen",
                |event| matches!(event, UiEvent::TrackRemoved { handle, .. } if *handle == shown),
            )
            .await;
    }
    for person in people.iter_mut() {
        person.hears_all().await;
    }
}

/// What the descriptors and threads are, and how many of each.
fn names() -> String {
    let mut counts = std::collections::BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/fd").unwrap().flatten() {
        let target = std::fs::read_link(entry.path()).unwrap_or_default();
        let kind = target.to_string_lossy().split(':').next().unwrap_or_default().to_owned();
        *counts.entry(format!("descriptor {kind}")).or_insert(0) += 1;
    }
    for entry in std::fs::read_dir("/proc/self/task").unwrap().flatten() {
        let name = std::fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
        *counts.entry(format!("thread {}", name.trim())).or_insert(0) += 1;
    }
    format!("{counts:#?}")
}

/// Waits until nothing is more than `before`; what ends takes a moment.
async fn settle(before: &Held) -> Held {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let held = Held::now();
        if held.is_flat(before) {
            return held;
        }
        assert!(Instant::now() < deadline, "grown: {held:?} after {before:?}\n{}", names());
        // Nothing tells when a thread or a descriptor is gone.
        sleep(Duration::from_millis(100)).await;
    }
}

async fn endure() {
    let minutes = std::env::var(MINUTES).ok().map(|text| text.parse::<u32>().expect("a number of minutes"));
    let server =
        Server::bind(ServerConfig { listen: ([127, 0, 0, 1], 0).into(), ..ServerConfig::default() }).await.unwrap();
    let address = format!("http://{}", server.local_addr()).parse().unwrap();
    let link = RoomLink::new(&address, "endurance".parse::<RoomId>().unwrap()).unwrap();
    let mut people = Vec::new();
    for number in 0..NAMES.len() {
        people.push(Person::join(&link, number).await);
    }
    for person in &mut people {
        person.hears_all().await;
    }
    let begun = tokio::time::Instant::now();
    let mut before = None;
    for number in 0..minutes.map_or(SHORT, |minutes| minutes.max(WARM + 1)) {
        round(&mut people, number).await;
        if number + 1 == WARM {
            before = Some(Held::now());
        }
        let held = match &before {
            Some(before) => settle(before).await,
            None => Held::now(),
        };
        println!("round {:>3}: {held:?}", number + 1);
        if minutes.is_some() {
            sleep_until(begun + Duration::from_mins(u64::from(number) + 1)).await;
        }
    }
    for person in people {
        person.call.leave().await;
    }
}

/// Runs what the environment names. Not a test of its own.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "runs inside the other test"]
async fn body() {
    match body::name().as_deref() {
        Some("endure") => endure().await,
        other => panic!("no such body: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_swapped_and_screens_shared_leave_nothing_behind() {
    let pulse = Arc::new(Pulse::with_participants(DEVICES).unwrap());
    let dir = tempfile::tempdir().unwrap();
    for number in 0..DEVICES {
        let tone = dir.path().join(format!("{number}.wav"));
        clips::tone_wav(&tone, &[300.0 + 100.0 * number as f32], 30.0).unwrap();
        let pulse = Arc::downgrade(&pulse);
        // Until the server is gone.
        std::thread::spawn(move || {
            while let Some(player) = pulse.upgrade().and_then(|pulse| pulse.feed(number, &tone).ok())
                && player.wait().is_ok_and(|status| status.success())
            {}
        });
    }
    let display = Display::start(640, 360).await.unwrap();
    // With an arena for each of the threads that come and go, memory would tell more of the allocator than of the program.
    let variables = [("DISPLAY", display.name.as_str()), ("MALLOC_ARENA_MAX", "2")];
    let body = Body::start_with(module_path!(), "endure", &pulse.server(), dir.path(), &variables).unwrap();
    tokio::task::spawn_blocking(move || body.finish()).await.unwrap().unwrap();
}
