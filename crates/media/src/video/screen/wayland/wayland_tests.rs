//! Capture of a real Wayland desktop (sway, its portal and PipeWire), whose screen is painted, resized and killed by the tests.

use std::time::{Duration, Instant};

use confab_testkit::wayland::{Bus, Person, Stage};

use super::{list, open};
use crate::error::ErrorKind;
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::screen::source::ScreenSource;
use crate::video::screen::types::ScreenStream;
use crate::video::screen::types::ShareKind;
use crate::video::types::VideoConfig;
use crate::video::types::VideoFrameSource;

const RED: u32 = 0xE0_20_10;
const GREEN: u32 = 0x10_C0_20;
/// Within this what is painted is seen, if the desktop tells of it.
const PAINTED: Duration = Duration::from_secs(1);
const SCREEN: ScreenSelector = ScreenSelector::Screen(None);

fn stage(width: u32, height: u32, person: Person) -> Stage {
    Stage::start((width, height), RED, person).expect("a desktop starts")
}

fn share(stage: &Stage) -> Box<dyn ScreenStream> {
    open(Some(&stage.bus()), &SCREEN, 30, &StopFlag::default()).expect("opens")
}

/// Tries until something comes, and gives up on a desktop that does not answer.
fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Paints the screen until it is seen in this size and colour. Once may not do: of a screen that rests since the stream began
/// or got another size, this desktop tells nothing.
fn paint(stage: &Stage, stream: &mut dyn ScreenStream, size: (u32, u32), colour: u32) {
    let mut again = Instant::now();
    wait_for(&format!("{colour:#x} in {size:?}"), || {
        if Instant::now() >= again {
            stage.paint(colour).expect("painted");
            again += PAINTED;
        }
        stream.changed().expect("still there");
        let shown = stream.grab().expect("still there")?;
        let (width, height) = (shown.width as usize, shown.height as usize);
        let at = |x: usize, y: usize| {
            let pixel = &shown.data[(y * width + x) * 4..][..3];
            u32::from_le_bytes([pixel[0], pixel[1], pixel[2], 0])
        };
        let corners = [(0, 0), (width - 1, 0), (0, height - 1), (width - 1, height - 1)];
        ((shown.width, shown.height) == size && corners.iter().all(|(x, y)| at(*x, *y) == colour)).then_some(())
    });
}

#[test]
fn a_screen_is_seen_as_it_changes_and_given_back() {
    let stage = stage(640, 480, Person::Chooses);
    let listed = list(Some(&stage.bus())).expect("a portal");
    let [source] = &listed[..] else { panic!("{listed:?}") };
    assert_eq!((source.kind, source.id.parse()), (ShareKind::System, Ok(SCREEN)));
    let mut stream = share(&stage);
    for colour in [RED, GREEN] {
        paint(&stage, stream.as_mut(), (640, 480), colour);
    }
    for (width, height) in [(801, 601), (320, 200)] {
        stage.resize(width, height).expect("resized");
        paint(&stage, stream.as_mut(), (width, height), GREEN);
    }
    assert_eq!(stage.shared().expect("PipeWire answers"), 1);
    drop(stream);
    wait_for("the end of the session", || (stage.shared().expect("PipeWire answers") == 0).then_some(()));
    paint(&stage, share(&stage).as_mut(), (320, 200), RED);
}

#[test]
fn a_screen_that_rests_comes_seldom_and_again_for_who_comes_later() {
    let stage = stage(640, 480, Person::Chooses);
    let config = VideoConfig { fps: 30, ..VideoConfig::default() };
    let mut stream = share(&stage);
    paint(&stage, stream.as_mut(), (640, 480), RED);
    let (mut screen, stop) = (ScreenSource::new(stream, config), StopFlag::default());
    let mut picture = I420Frame::new(2, 2);
    wait_for("the first picture", || screen.next(&mut picture, true, &stop).expect("there").then_some(()));
    // RED in BT.601 of limited range: 16 + 65.5 R + 128.6 G + 25 B.
    assert!(picture.planes()[0][0].abs_diff(91) <= 1, "{}", picture.planes()[0][0]);
    // Three seconds at the full rate, then five pictures a second.
    let count = (0..240).filter(|_| screen.next(&mut picture, true, &stop).expect("there")).count();
    assert!((15..=200).contains(&count), "{count} of 240");
}

#[test]
fn a_desktop_that_crashes_ends_the_share_with_its_reason() {
    let mut stage = stage(640, 480, Person::Chooses);
    let mut stream = share(&stage);
    paint(&stage, stream.as_mut(), (640, 480), RED);
    stage.kill_compositor();
    let ended = wait_for("the end", || stream.changed().err());
    assert_eq!(*ended.kind(), ErrorKind::ShareEndedByDesktop, "{ended}");
    drop(stream);
    let error = list(Some(&stage.bus())).err();
    assert!(error.is_none_or(|error| *error.kind() == ErrorKind::ScreenPortalMissing));
}

#[test]
fn a_person_who_chooses_nothing_shares_nothing() {
    let stage = stage(320, 240, Person::Cancels);
    let refused = open(Some(&stage.bus()), &SCREEN, 30, &StopFlag::default()).err().expect("refused");
    assert_eq!(*refused.kind(), ErrorKind::ShareCancelled, "{refused}");
    let other = open(Some(&stage.bus()), &ScreenSelector::Screen(Some(1)), 30, &StopFlag::default()).err();
    assert_eq!(*other.expect("not by number").kind(), ErrorKind::ScreenChosenByDesktop);
}

#[test]
fn a_share_that_is_given_up_does_not_wait_for_the_person() {
    let stage = stage(320, 240, Person::Waits);
    let stop = StopFlag::default();
    let (bus, given_up) = (stage.bus(), stop.clone());
    let opening = std::thread::spawn(move || open(Some(&bus), &SCREEN, 30, &given_up).err());
    wait_for("the dialog", || stage.has_asked().then_some(()));
    stop.set();
    let refused = opening.join().expect("no panic").expect("given up");
    assert_eq!(*refused.kind(), ErrorKind::ShareCancelled, "{refused}");
}

#[test]
fn a_desktop_without_a_portal_is_told_what_to_install() {
    let bus = Bus::bare().expect("a bus");
    let nowhere = "unix:path=/nonexistent/confab";
    for bus in [bus.address().as_str(), nowhere] {
        let opened = open(Some(bus), &SCREEN, 30, &StopFlag::default()).map(drop);
        for error in [list(Some(bus)).map(drop), opened].map(Result::unwrap_err) {
            assert_eq!(*error.kind(), ErrorKind::ScreenPortalMissing, "{error}");
            assert!(error.detail().is_some(), "{error}");
        }
    }
}
