//! Capture of a real X server (Xvfb): its windows are made, moved and closed by the tests.

use std::time::{Duration, Instant};

use confab_testkit::x11::Stage;
use x11rb::NONE;
use x11rb::connection::Connection;
use x11rb::protocol::randr::{ConnectionExt as _, MonitorInfo, Rotation};
use x11rb::protocol::xproto::{
    AtomEnum, ChangeWindowAttributesAux, ConfigureWindowAux, ConnectionExt as _, PropMode, StackMode,
};
use x11rb::wrapper::ConnectionExt as _;

use super::desktop::Desktop;
use super::image::{Area, ImageReader};
use super::listing;
use super::stream::X11Stream;
use crate::error::ErrorKind;
use crate::selector::ScreenSelector;
use crate::thread::stop::StopFlag;
use crate::video::i420::I420Frame;
use crate::video::screen::bgrx::read_thumbnail;
use crate::video::screen::source::ScreenSource;
use crate::video::screen::types::ScreenStream;
use crate::video::screen::types::ShareKind;
use crate::video::types::VideoConfig;
use crate::video::types::VideoFrameSource;

const RED: u32 = 0xE0_20_10;
const BLUE: u32 = 0x10_20_E0;
const GREEN: u32 = 0x10_C0_20;

/// Switches the monitor off, which the server tells everybody.
fn switch_off(stage: &Stage) {
    let resources = stage.connection.randr_get_screen_resources_current(stage.root).expect("sent").reply();
    let crtc = resources.expect("an answer").crtcs[0];
    let off = stage.connection.randr_set_crtc_config(crtc, 0, 0, 0, 0, NONE, Rotation::ROTATE0, &[]);
    off.expect("sent").reply().expect("switched off");
}

async fn stage(width: u32, height: u32) -> Stage {
    Stage::new(width, height).await.expect("Xvfb starts")
}

fn desktop(stage: &Stage) -> Desktop {
    Desktop::connect(Some(&stage.display.name)).expect("connects")
}

fn share(stage: &Stage, selector: &str) -> Viewer {
    Viewer(X11Stream::open(desktop(stage), &selector.parse().expect("a selector")).expect("opens"))
}

/// What was seen at one look.
struct Picture {
    size: (u32, u32),
    pixels: Vec<u8>,
}

impl Picture {
    /// Colour of a pixel as 0xRRGGBB.
    fn at(&self, x: u32, y: u32) -> u32 {
        let pixel = &self.pixels[((y * self.size.0 + x) * 4) as usize..][..3];
        u32::from_le_bytes([pixel[0], pixel[1], pixel[2], 0])
    }
}

struct Viewer(X11Stream);

impl Viewer {
    fn look(&mut self) -> Picture {
        self.0.changed().expect("still there");
        let shown = self.0.grab().expect("still there").expect("a picture");
        Picture { size: (shown.width, shown.height), pixels: shown.data.to_vec() }
    }

    /// Looks until what is seen is as it should be.
    fn sees(&mut self, what: &str, is_so: impl Fn(&Picture) -> bool) -> Picture {
        wait_for(what, || Some(self.look()).filter(&is_so))
    }

    /// Waits until the share ends, and says with what.
    fn ends(&mut self) -> crate::error::Error {
        wait_for("the end", || self.0.changed().err())
    }
}

/// Tries until something comes, and gives up on a server that does not answer.
fn wait_for<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        if let Some(found) = attempt() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited for {what} in vain");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[tokio::test]
async fn a_screen_shows_its_windows_where_they_are() {
    let stage = stage(640, 480).await;
    let window = stage.window("Notes", (100, 50), (200, 100), RED);
    let mut viewer = share(&stage, "screen");
    let picture = viewer.sees("the window", |picture| picture.at(150, 100) == RED);
    assert_eq!(picture.size, (640, 480));
    assert_ne!((picture.at(90, 100), picture.at(320, 100)), (RED, RED), "beside it");
    stage.configure(window, ConfigureWindowAux::new().x(400).y(300));
    viewer.sees("the moved window", |picture| picture.at(450, 350) == RED && picture.at(150, 100) != RED);
    stage.draw(window, (0, 0), (10, 10), BLUE);
    viewer.sees("what was drawn", |picture| picture.at(403, 303) == BLUE && picture.at(420, 320) == RED);
}

#[tokio::test]
async fn only_changes_are_changes() {
    let stage = stage(320, 240).await;
    let window = stage.window("Notes", (10, 10), (100, 100), RED);
    let mut viewer = share(&stage, "screen");
    viewer.sees("the window", |picture| picture.at(50, 50) == RED);
    wait_for("rest", || (!viewer.0.changed().expect("there")).then_some(()));
    assert!(!viewer.0.changed().expect("there"));
    stage.draw(window, (0, 0), (1, 1), BLUE);
    wait_for("the change", || viewer.0.changed().expect("there").then_some(()));
    wait_for("rest", || (!viewer.0.changed().expect("there")).then_some(()));
    stage.point_at(200, 200);
    wait_for("the pointer", || viewer.0.changed().expect("there").then_some(()));
}

#[tokio::test]
async fn a_window_is_seen_also_where_others_cover_it() {
    let stage = stage(640, 480).await;
    let window = stage.window("Slides", (20, 20), (301, 201), RED);
    let cover = stage.window("Chat", (100, 0), (300, 300), GREEN);
    let mut viewer = share(&stage, "window:slides");
    let whole = |picture: &Picture| [(0, 0), (150, 100), (300, 200)].iter().all(|(x, y)| picture.at(*x, *y) == RED);
    assert_eq!(viewer.sees("the whole window", whole).size, (301, 201));
    stage.draw(window, (150, 100), (20, 20), BLUE);
    viewer.sees("what is drawn under the cover", |picture| picture.at(155, 105) == BLUE);
    // Half outside of the screen.
    stage.configure(window, ConfigureWindowAux::new().x(-200).y(350));
    viewer.sees("all of it", |picture| picture.at(3, 3) == RED && picture.at(155, 105) == BLUE);
    stage.configure(cover, ConfigureWindowAux::new().stack_mode(StackMode::BELOW));
    viewer.sees("no difference", |picture| picture.at(155, 105) == BLUE);
}

#[tokio::test]
async fn a_window_that_is_resized_put_away_and_closed_is_followed() {
    let stage = stage(640, 480).await;
    let window = stage.window("Notes", (20, 20), (200, 100), RED);
    let mut viewer = share(&stage, &format!("window:{window:#x}"));
    assert_eq!(viewer.sees("it", |picture| picture.at(199, 99) == RED).size, (200, 100));
    for (width, height) in [(333, 77), (500, 401), (16, 16)] {
        stage.resize(window, width, height);
        let grown = viewer.sees("the new size", |picture| picture.size == (width, height));
        assert_eq!(grown.at(width - 1, height - 1), RED, "{width}x{height}");
    }
    stage.unmap(window);
    wait_for("that it is hidden", || viewer.0.changed().map(|_| viewer.0.hidden()).expect("there").then_some(()));
    assert_eq!(viewer.look().at(8, 8), RED, "its last picture stands");
    stage.configure(window, ConfigureWindowAux::new().width(50));
    stage.map(window);
    let back = viewer.sees("it again", |picture| picture.size == (50, 16));
    assert_eq!((back.at(40, 8), viewer.0.hidden()), (RED, false));
    stage.close(window);
    assert_eq!(*viewer.ends().kind(), ErrorKind::ShareEnded);
}

/// Makes the pointer a square of 5 x 5 in [`BLUE`], the inner 3 x 3 in [`GREEN`], with its tip in the middle.
fn square_pointer(stage: &Stage) {
    let [image, mask, cursor] = std::array::from_fn(|_| stage.connection.generate_id().expect("an id"));
    for (pixmap, inside) in [(image, 3), (mask, 5)] {
        stage.connection.create_pixmap(1, pixmap, stage.root, 5, 5).expect("sent");
        stage.draw(pixmap, (0, 0), (5, 5), 0);
        let edge = (5 - inside) / 2;
        stage.draw(pixmap, (edge, edge), (inside as u16, inside as u16), 1);
    }
    let (fore, back) = ((0x1010, 0xC0C0, 0x2020), (0x1010, 0x2020, 0xE0E0));
    stage
        .connection
        .create_cursor(cursor, image, mask, fore.0, fore.1, fore.2, back.0, back.1, back.2, 2, 2)
        .expect("sent");
    stage
        .connection
        .change_window_attributes(stage.root, &ChangeWindowAttributesAux::new().cursor(cursor))
        .expect("sent");
}

/// Whether that pointer is drawn with its tip here.
fn drawn(picture: &Picture, x: u32, y: u32) -> bool {
    picture.at(x, y) == GREEN && picture.at(x - 2, y - 2) == BLUE && picture.at(x + 3, y) != BLUE
}

#[tokio::test]
async fn the_pointer_is_drawn_where_its_tip_is() {
    let stage = stage(320, 240).await;
    stage.window("Notes", (50, 40), (200, 150), RED);
    square_pointer(&stage);
    let (mut screen, mut shared) = (share(&stage, "screen"), share(&stage, "window:Notes"));
    stage.point_at(100, 90);
    screen.sees("the pointer", |picture| drawn(picture, 100, 90));
    // The window's inside begins behind its border of 3.
    shared.sees("the pointer in the window", |picture| drawn(picture, 47, 47));
    stage.point_at(60, 60);
    screen.sees("the moved pointer", |picture| drawn(picture, 60, 60) && picture.at(100, 90) == RED);
    // At an edge a part of it is seen, outside none.
    stage.point_at(0, 100);
    screen.sees("half a pointer", |picture| picture.at(0, 100) == GREEN && picture.at(2, 100) == BLUE);
    shared.sees("no pointer", |picture| picture.at(7, 17) == RED);
}

#[tokio::test]
async fn the_pointer_is_no_part_of_a_window_that_another_one_covers() {
    let stage = stage(320, 240).await;
    // As a window manager has it: a frame around it. It has a part of its own, which is a window as well.
    let [frame, window, part] = [("", (0, 0), (280, 200)), ("Notes", (0, 0), (200, 150)), ("", (0, 0), (100, 100))]
        .map(|(title, place, size)| stage.window(title, place, size, RED));
    for (inner, outer, (x, y)) in [(window, frame, (27, 17)), (part, window, (10, 10))] {
        stage.connection.reparent_window(inner, outer, x, y).expect("sent");
    }
    square_pointer(&stage);
    let (mut screen, mut shared) = (share(&stage, "screen"), share(&stage, "window:Notes"));
    // Insides begin behind borders of 3: the window's at (33, 23), its part's at (46, 36).
    for (x, y) in [(100, 90), (200, 150)] {
        stage.point_at(x, y);
        shared.sees("the pointer", |picture| drawn(picture, x as u32 - 33, y as u32 - 23));
    }
    let cover = stage.window("Chat", (150, 100), (150, 130), BLUE);
    screen.sees("the pointer over the cover", |picture| picture.at(200, 150) == GREEN);
    shared.sees("no pointer", |picture| picture.at(167, 127) == RED);
    stage.configure(cover, ConfigureWindowAux::new().stack_mode(StackMode::BELOW));
    shared.sees("the pointer again", |picture| drawn(picture, 167, 127));
}

fn monitor(stage: &Stage, name: &str, (x, width): (i16, u16), primary: bool) -> MonitorInfo {
    let name = stage.connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("a name").atom;
    let (width_in_millimeters, height_in_millimeters) = (u32::from(width) / 4, 120);
    MonitorInfo {
        name,
        primary,
        automatic: false,
        x,
        y: 0,
        width,
        height: 480,
        width_in_millimeters,
        height_in_millimeters,
        outputs: Vec::new(),
    }
}

#[tokio::test]
async fn each_of_two_monitors_is_a_screen_and_may_go() {
    let stage = stage(640, 480).await;
    let (left, right) = (monitor(&stage, "left", (0, 400), false), monitor(&stage, "right", (400, 240), true));
    for monitor in [&left, &right] {
        stage.connection.randr_set_monitor(stage.root, monitor.clone()).expect("sent").check().expect("set");
    }
    stage.window("Notes", (450, 50), (100, 100), RED);
    let listed = listing::list(&desktop(&stage), false).expect("a list");
    let second = listed.iter().find(|source| source.title.contains("right")).expect("the right one");
    assert_eq!((second.kind, second.width, second.height), (ShareKind::Screen, 240, 480));
    let mut viewer = share(&stage, &second.id);
    let picture = viewer.sees("its part of the display", |picture| picture.at(60, 60) == RED);
    assert_eq!(picture.size, (240, 480));
    assert_eq!(share(&stage, "screen").look().size, (240, 480), "the primary one");
    let none = X11Stream::open(desktop(&stage), &ScreenSelector::Screen(Some(99))).map(drop).expect_err("no such one");
    assert_eq!(*none.kind(), ErrorKind::ScreenMissing);
    stage.connection.randr_delete_monitor(stage.root, right.name).expect("sent").check().expect("deleted");
    switch_off(&stage);
    let ended = viewer.ends();
    assert_eq!(*ended.kind(), ErrorKind::ScreenDisconnected);
}

#[tokio::test]
async fn what_can_be_shared_is_listed_with_thumbnails() {
    let stage = stage(1280, 720).await;
    let notes = stage.window("Notes \u{7}", (20, 20), (800, 400), RED);
    let slides = stage.window("Slides", (100, 100), (150, 600), BLUE);
    stage.window("", (0, 0), (100, 100), GREEN);
    stage.window("tiny", (0, 0), (8, 8), GREEN);
    let hidden = stage.window("hidden", (0, 0), (100, 100), GREEN);
    stage.unmap(hidden);
    let listed = listing::list(&desktop(&stage), true).expect("a list");
    let titles: Vec<_> = listed.iter().map(|source| source.title.as_str()).collect();
    assert_eq!(titles, ["Screen 1", "Slides", "Notes"], "the top one first");
    let sizes: Vec<_> = listed.iter().map(|source| (source.width, source.height)).collect();
    assert_eq!(sizes, [(1280, 720), (150, 600), (800, 400)]);
    let thumbnails = [(320, 180), (75, 300), (266, 133)];
    for ((source, size), colour) in listed.iter().zip(thumbnails).zip([None, Some(BLUE), Some(RED)]) {
        let (drawn, pixels) = read_thumbnail(source.thumbnail.as_deref().expect("a thumbnail"));
        assert_eq!(drawn, size, "{}", source.title);
        if let Some(colour) = colour {
            let middle = (size.1 / 2 * size.0 + size.0 / 2) as usize * 3;
            assert_eq!(pixels[middle..][..3], colour.to_be_bytes()[1..], "{}", source.title);
        }
    }
    let mut viewer = share(&stage, &listed[2].id);
    viewer.sees("the one that was chosen", |picture| picture.size == (800, 400));

    // Where a window manager keeps a list, it is the list.
    let list = atom(&stage, "_NET_CLIENT_LIST");
    stage
        .connection
        .change_property32(PropMode::REPLACE, stage.root, list, AtomEnum::WINDOW, &[slides, notes + 0xFFFF])
        .expect("sent");
    stage.done();
    let listed = listing::list(&desktop(&stage), false).expect("a list");
    assert_eq!(listed.iter().map(|source| source.title.as_str()).collect::<Vec<_>>()[1..], ["Slides"]);
    assert!(listed.iter().all(|source| source.thumbnail.is_none()));
}

fn atom(stage: &Stage, name: &str) -> u32 {
    stage.connection.intern_atom(false, name.as_bytes()).expect("sent").reply().expect("an atom").atom
}

fn titles(stage: &Stage) -> Vec<String> {
    let listed = listing::list(&desktop(stage), false).expect("a list");
    let mut titles: Vec<_> = listed.into_iter().skip(1).map(|source| source.title).collect();
    titles.sort();
    titles
}

#[tokio::test]
async fn only_windows_of_applications_are_listed() {
    let stage = stage(640, 480).await;
    for (title, kinds) in [
        ("Notes", &[][..]),
        ("Terminal", &["NORMAL"]),
        ("Preferences", &["DIALOG"]),
        ("Browser", &["OF_ITS_OWN", "NORMAL"]),
        ("panel", &["DOCK"]),
        ("old panel", &["OF_ITS_OWN", "DOCK", "NORMAL"]),
        ("desktop", &["DESKTOP"]),
        ("tip", &["TOOLTIP"]),
        ("menu", &["POPUP_MENU", "MENU"]),
        ("bubble", &["NOTIFICATION"]),
        ("splash", &["SPLASH"]),
    ] {
        let window = stage.window(title, (0, 0), (100, 100), RED);
        let kinds: Vec<_> = kinds.iter().map(|kind| atom(&stage, &format!("_NET_WM_WINDOW_TYPE_{kind}"))).collect();
        let property = atom(&stage, "_NET_WM_WINDOW_TYPE");
        stage.connection.change_property32(PropMode::REPLACE, window, property, AtomEnum::ATOM, &kinds).expect("sent");
    }
    let bar = stage.window("sharing bar", (0, 0), (100, 100), RED);
    let (state, skip) = (atom(&stage, "_NET_WM_STATE"), atom(&stage, "_NET_WM_STATE_SKIP_TASKBAR"));
    stage.connection.change_property32(PropMode::REPLACE, bar, state, AtomEnum::ATOM, &[skip]).expect("sent");
    let popup = stage.window("popup", (0, 0), (100, 100), RED);
    let unmanaged = ChangeWindowAttributesAux::new().override_redirect(1);
    stage.connection.change_window_attributes(popup, &unmanaged).expect("sent");
    stage.done();
    assert_eq!(titles(&stage), ["Browser", "Notes", "Preferences", "Terminal"]);
}

#[tokio::test]
async fn titles_of_every_type_are_read() {
    let stage = stage(640, 480).await;
    let name = u32::from(AtomEnum::WM_NAME);
    for (property, kind, bytes) in [
        (name, "COMPOUND_TEXT", &b"\x1B-L\xBF\xE0\xD8"[..]),
        (name, "STRING", b"caf\xE9"),
        (name, "UTF8_STRING", "日本".as_bytes()),
        (name, "TEXT", "Übersicht".as_bytes()),
        (atom(&stage, "_NET_WM_NAME"), "UTF8_STRING", "Ελλάδα".as_bytes()),
        // One that says nothing gives way to the old one.
        (atom(&stage, "_NET_WM_NAME"), "UTF8_STRING", b" "),
    ] {
        let window = stage.window("old", (0, 0), (100, 100), RED);
        let kind = atom(&stage, kind);
        stage.connection.change_property8(PropMode::REPLACE, window, property, kind, bytes).expect("sent");
    }
    stage.done();
    assert_eq!(titles(&stage), ["café", "old", "Übersicht", "Ελλάδα", "При", "日本"]);
    share(&stage, "window:при");
}

#[tokio::test(flavor = "multi_thread")]
async fn windows_that_close_while_the_list_is_made_are_left_out() {
    let stage = stage(640, 480).await;
    stage.window("Notes", (0, 0), (300, 200), RED);
    let desktop = desktop(&stage);
    let lists = std::thread::spawn(move || {
        let list = || listing::list(&desktop, true).expect("a list");
        (0..40).all(|_| list().iter().any(|source| source.title == "Notes" && source.thumbnail.is_some()))
    });
    while !lists.is_finished() {
        let short = [(); 5].map(|()| stage.window("Short", (50, 50), (200, 100), BLUE));
        for window in short {
            stage.close(window);
        }
    }
    assert!(lists.join().expect("each list is made"));
}

#[tokio::test]
async fn pixels_that_do_not_come_by_shared_memory_are_the_same() {
    let stage = stage(321, 123).await;
    stage.window("Notes", (50, 40), (100, 50), RED);
    let mut desktop = desktop(&stage);
    let area = Area { drawable: desktop.root, x: 7, y: 5, width: 301, height: 99, origin: (7, 5) };
    assert!(desktop.shared, "Xvfb has shared memory");
    let shared = ImageReader::new(&desktop).read(&desktop, area).expect("there").expect("pixels").to_vec();
    desktop.shared = false;
    let plain = ImageReader::new(&desktop).read(&desktop, area).expect("there").expect("pixels").to_vec();
    let alike = shared.chunks(4).zip(plain.chunks(4)).all(|(one, other)| one[..3] == other[..3]);
    assert!(alike && shared.len() == plain.len() && shared.len() == 301 * 99 * 4);
}

#[tokio::test]
async fn full_hd_comes_at_the_full_rate_while_it_moves_and_seldom_while_it_rests() {
    let stage = stage(1920, 1080).await;
    let window = stage.window("Notes", (500, 400), (600, 300), RED);
    let stream = X11Stream::open(desktop(&stage), &ScreenSelector::Screen(None)).expect("opens");
    let config = VideoConfig { fps: 60, ..VideoConfig::default() };
    let (mut screen, stop) = (ScreenSource::new(Box::new(stream), config), StopFlag::default());
    let mut picture = I420Frame::new(2, 2);
    let mut given = |wanted: bool, looks: usize, before: &dyn Fn(usize)| {
        let mut count = 0;
        for look in 0..looks {
            before(look);
            count += usize::from(screen.next(&mut picture, wanted, &stop).expect("there"));
        }
        (count, picture.width(), picture.height(), picture.planes()[0][550 * 1920 + 800])
    };
    let moving = |look: usize| stage.draw(window, (0, 0), (100, 100), look as u32 * 1000);
    let (count, width, height, luma) = given(true, 30, &moving);
    assert_eq!((count, width, height), (30, 1920, 1080));
    // RED in BT.601 of limited range: 16 + 65.5 R + 128.6 G + 25 B.
    assert!(luma.abs_diff(91) <= 1, "{luma}");
    assert_eq!(given(false, 5, &moving).0, 0, "nobody looks");
    // Three seconds at the full rate, then five pictures a second.
    let (count, ..) = given(true, 300, &|_| {});
    assert!((15..=240).contains(&count), "{count} of 300");
}

#[tokio::test]
async fn a_display_that_is_not_there_is_said() {
    let error = Desktop::connect(Some(":4321")).map(drop).expect_err("nobody listens");
    assert_eq!(*error.kind(), ErrorKind::ScreenUnsupported);
    let stage = stage(320, 240).await;
    let missing = X11Stream::open(desktop(&stage), &ScreenSelector::Window("nobody's".into())).map(drop);
    assert_eq!(*missing.expect_err("no such window").kind(), ErrorKind::ScreenMissing);
}
