//! A slot with devices that open and close as slowly as one likes, by a virtual clock.

use super::*;
use confab_media::{Device, DeviceKind};
use confab_testkit::sentences::sentence;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;
use tokio::time::sleep;

/// Longer than everything that goes on by itself.
const SETTLED: Duration = Duration::from_secs(60);
const FAST: Duration = Duration::from_millis(50);
const SLOW: Duration = Duration::from_secs(1);

/// What was done, in order.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    fn add(&self, what: &str, device: &str) {
        self.0.lock().unwrap().push(format!("{what} {device}"));
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

struct FakeDevice {
    name: String,
    log: Log,
    close_time: Duration,
}

impl FakeDevice {
    async fn close(self) {
        sleep(self.close_time).await;
        self.log.add("closed", &self.name);
    }
}

struct FakeDriver {
    log: Log,
    open_time: Duration,
    close_time: Duration,
    /// Why devices do not open.
    failure: Option<ErrorCode>,
    end: Option<DeviceEnd>,
}

impl DeviceDriver for FakeDriver {
    type Opened = FakeDevice;
    type Running = FakeDevice;

    fn open(
        &mut self,
        request: OpenRequest,
        devices: WatchedDevices,
    ) -> impl Future<Output = Opened<FakeDevice>> + Send + 'static {
        let (log, open_time, close_time, failure) = (self.log.clone(), self.open_time, self.close_time, self.failure);
        async move {
            let list = devices.known().await;
            let device =
                confab_media::choose_device(&list, DeviceKind::Microphone, request.selected.as_deref()).cloned();
            let name = device.as_ref().map(|device| device.id.clone()).unwrap_or_default();
            log.add("open", &name);
            sleep(open_time).await;
            match (failure, &device) {
                (Some(code), _) => Err(code.into()),
                (None, None) => Err(ErrorCode::MicrophoneMissing.into()),
                (None, Some(_)) => Ok((Found { device, list }, FakeDevice { name, log, close_time })),
            }
        }
    }

    fn run(&mut self, opened: FakeDevice, end: DeviceEnd) -> FakeDevice {
        self.log.add("run", &opened.name);
        self.end = Some(end);
        opened
    }

    fn close(running: FakeDevice) -> impl Future<Output = ()> + Send + 'static {
        running.log.add("close", &running.name);
        running.close()
    }

    fn discard(opened: FakeDevice) -> impl Future<Output = ()> + Send + 'static {
        opened.log.add("discard", &opened.name);
        opened.close()
    }
}

struct World {
    slot: DeviceSlot<FakeDriver>,
    list: watch::Sender<Option<DeviceList>>,
    log: Log,
}

fn devices(ids: &[&str]) -> DeviceList {
    let device = |id: &&str| Device { id: (*id).to_owned(), name: id.to_uppercase() };
    DeviceList { microphones: ids.iter().map(device).collect(), ..DeviceList::default() }
}

/// A slot whose person selected `usb`.
fn world(ids: &[&str], open_time: Duration, close_time: Duration) -> World {
    world_of(watch::Sender::new(Some(devices(ids))), open_time, close_time)
}

fn world_of(list: watch::Sender<Option<DeviceList>>, open_time: Duration, close_time: Duration) -> World {
    let watched = list.subscribe();
    let log = Log::default();
    let driver = FakeDriver { log: log.clone(), open_time, close_time, failure: None, end: None };
    let shortest_life = Duration::from_secs(2);
    let config = SlotConfig { kind: DeviceKind::Microphone, follows: true, refusal: None, shortest_life };
    let slot = DeviceSlot::new(config, Some("usb".to_owned()), WatchedDevices::of(watched), driver);
    World { slot, list, log }
}

impl World {
    fn plug(&self, ids: &[&str]) {
        self.list.send_replace(Some(devices(ids)));
    }

    /// Lets time pass; returns what was told.
    async fn pass(&mut self, time: Duration) -> Vec<String> {
        let until = Instant::now() + time;
        let mut notices = Vec::new();
        while let Ok(event) = tokio::time::timeout_at(until, self.slot.next()).await {
            notices.extend(self.slot.handle(event).map(|error| sentence(&error)));
        }
        notices
    }
}

#[tokio::test(start_paused = true)]
async fn a_selection_that_is_taken_back_while_its_device_opens_is_obeyed() {
    let mut world = world(&["usb", "b"], SLOW, FAST);
    world.slot.need();
    world.pass(SETTLED).await;
    world.slot.select(Some("b".to_owned()));
    world.pass(SLOW / 2).await;
    world.slot.select(Some("usb".to_owned()));
    assert_eq!(world.pass(SETTLED).await, [""; 0]);
    assert_eq!(world.log.take(), ["open usb", "run usb", "open b", "discard b", "closed b"]);
    assert_eq!(world.slot.state(), DeviceState::On);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_unplugged_while_it_opens_is_replaced_or_waited_for() {
    let mut world = world(&["usb", "b"], SLOW, FAST);
    world.slot.need();
    world.pass(SLOW / 2).await;
    world.plug(&["b"]);
    assert_eq!(world.pass(SETTLED).await, ["USB was unplugged. Others hear you through B now."]);
    assert_eq!(world.log.take(), ["open usb", "run usb", "open b", "run b", "close usb", "closed usb"]);
    world.plug(&["usb", "b"]);
    world.pass(SLOW / 2).await;
    world.plug(&[]);
    assert_eq!(world.pass(SETTLED).await, [sentence(&ErrorCode::MicrophoneMissing.into())]);
    assert!(matches!(world.slot.state(), DeviceState::Failed { .. }));
    world.plug(&["usb"]);
    world.pass(SETTLED).await;
    assert_eq!(world.slot.state(), DeviceState::On, "it resumes when plugged in");
}

#[tokio::test(start_paused = true)]
async fn a_device_that_closes_slowly_is_not_in_its_own_way() {
    let mut world = world(&["usb"], FAST, SLOW);
    world.slot.need();
    world.pass(SETTLED).await;
    let before = Instant::now();
    world.slot.release();
    world.slot.need();
    assert_eq!(before, Instant::now(), "nobody waits");
    assert_eq!(world.slot.state(), DeviceState::Starting);
    world.pass(SETTLED).await;
    let log = ["open usb", "run usb", "close usb", "closed usb", "open usb", "run usb"];
    assert_eq!(world.log.take(), log);
}

#[tokio::test(start_paused = true)]
async fn another_stands_in_for_the_selected_one_until_it_is_back() {
    let mut world = world(&["b"], FAST, FAST);
    world.slot.need();
    let stands_in = "The microphone you chose is not connected. Others hear you through B now.";
    assert_eq!(world.pass(SETTLED).await, [stands_in]);
    world.plug(&["usb", "b"]);
    assert_eq!(world.pass(SETTLED).await, ["USB is back. Others hear you through USB now."]);
    assert_eq!(world.log.take(), ["open b", "run b", "open usb", "run usb", "close b", "closed b"]);
}

#[tokio::test(start_paused = true)]
async fn a_failed_device_is_tried_again_when_it_is_needed_again() {
    let mut world = world(&["usb"], FAST, FAST);
    world.slot.driver_mut().failure = Some(ErrorCode::MicrophoneFailed);
    world.slot.need();
    assert_eq!(world.pass(SETTLED).await, [""; 0], "its state says it");
    assert_eq!(world.slot.state(), DeviceState::Failed { error: ErrorCode::MicrophoneFailed.into() });
    world.slot.driver_mut().failure = None;
    world.slot.need();
    assert_eq!(world.slot.state(), DeviceState::Starting);
    world.pass(SETTLED).await;
    assert_eq!(world.slot.state(), DeviceState::On);
}

#[tokio::test(start_paused = true)]
async fn a_device_that_ends_is_opened_again_unless_it_is_broken() {
    let mut world = world(&["usb"], FAST, FAST);
    world.slot.need();
    world.pass(SETTLED).await;
    world.slot.driver_mut().end.take().unwrap().report(ErrorCode::MicrophoneFailed.into()).await;
    assert_eq!(world.pass(SLOW).await, [""; 0]);
    assert_eq!(world.log.take(), ["open usb", "run usb", "open usb", "run usb"]);
    world.slot.driver_mut().end.take().unwrap().report(ErrorCode::MicrophoneFailed.into()).await;
    assert_eq!(world.pass(SETTLED).await.len(), 1, "within two seconds");
    assert!(matches!(world.slot.state(), DeviceState::Failed { .. }));
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_what_opens_and_for_what_closes() {
    let mut world = world(&["usb", "b"], SLOW, SLOW);
    world.slot.need();
    world.pass(SETTLED).await;
    world.slot.select(Some("b".to_owned()));
    world.pass(SLOW / 2).await;
    world.slot.close().await;
    let log = ["open usb", "run usb", "open b", "close usb", "discard b", "closed usb", "closed b"];
    assert_eq!(world.log.take(), log);
}

#[tokio::test(start_paused = true)]
async fn closing_does_not_wait_for_a_device_that_never_opens() {
    let mut world = world(&["usb"], SETTLED * 60, FAST);
    world.slot.need();
    world.pass(SLOW).await;
    let before = Instant::now();
    world.slot.close().await;
    assert_eq!(before.elapsed(), LATE);
}

#[tokio::test(start_paused = true)]
async fn both_are_told_that_vanish_at_once() {
    let mut one = world(&["usb"], FAST, FAST);
    let mut other = world_of(one.list.clone(), FAST, FAST);
    one.slot.need();
    other.slot.need();
    one.pass(SETTLED).await;
    other.pass(SETTLED).await;
    one.plug(&[]);
    let missing = [sentence(&ErrorCode::MicrophoneMissing.into())];
    assert_eq!((one.pass(SETTLED).await, other.pass(SETTLED).await), (missing.to_vec(), missing.to_vec()));
}

#[tokio::test(start_paused = true)]
async fn a_device_that_is_released_while_it_opens_is_closed_before_it_is_opened_again() {
    let mut world = world(&["usb"], SLOW, SLOW);
    world.slot.need();
    world.pass(SLOW / 2).await;
    world.slot.release();
    world.pass(SLOW).await;
    world.slot.need();
    world.pass(SETTLED).await;
    assert_eq!(world.log.take(), ["open usb", "discard usb", "closed usb", "open usb", "run usb"]);
}
