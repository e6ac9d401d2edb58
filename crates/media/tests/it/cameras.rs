//! Cameras from the driver to the decoded picture: recordings, played by a driver of V4L2 of the tests' own.
#![cfg(target_os = "linux")]

use std::time::Duration;

use confab_media::{
    Error, ErrorKind, I420Frame, VideoCapture, VideoConfig, VideoEvent, VideoSource, Vp8Decoder, list_devices, pattern,
};
use confab_testkit::camera::{Camera, Delivered, Mode, WebcamFormat, without_tables, world};
use confab_wire::media::VideoDemand;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(20);
const VGA: (u32, u32) = (640, 480);

/// The test picture with this number.
fn picture((width, height): (u32, u32), number: u32) -> I420Frame {
    let mut picture = I420Frame::new(width, height);
    pattern::draw(&mut picture, number, 0);
    picture
}

/// What a camera delivers for it.
fn delivered(format: WebcamFormat, size: (u32, u32), stride: u32, number: u32) -> Vec<u8> {
    let mut picture = picture(size, number);
    if format == WebcamFormat::Mjpeg {
        // The samples of a JPEG have the full range.
        let [y, u, v] = picture.planes_mut();
        let full = |value: f32, range: f32, middle: f32| ((value - middle) * 255.0 / range).round();
        y.iter_mut().for_each(|y| *y = full(f32::from(*y), 219.0, 16.0) as u8);
        u.iter_mut().chain(v).for_each(|c| *c = (full(f32::from(*c), 224.0, 128.0) + 128.0) as u8);
    }
    format.encode(picture.data(), size, stride).expect("encodes")
}

/// A mode that plays the test pictures with these numbers at 30 a second, in lines of `stride` bytes.
fn padded(format: WebcamFormat, size: (u32, u32), stride: u32, numbers: std::ops::Range<u32>) -> Mode {
    let frames = numbers.map(|number| delivered(format, size, stride, number)).collect();
    Mode { stride, ..Mode::new(format, size, &[30], frames) }
}

/// An open camera whose pictures are decoded again.
struct Seen {
    capture: VideoCapture,
    events: mpsc::Receiver<VideoEvent>,
    decoder: Vp8Decoder,
    _demand: watch::Sender<VideoDemand>,
}

impl Seen {
    async fn open(name: Option<&str>, (width, height): (u32, u32), fps: u32) -> Result<Self, Error> {
        let demand = watch::Sender::new(VideoDemand::full());
        let config = VideoConfig { width, height, fps, bitrate: 4_000_000 };
        let source = VideoSource::Camera(name.map(str::to_owned));
        let (capture, events) = VideoCapture::start(source, config, demand.subscribe()).await?;
        Ok(Self { capture, events, decoder: Vp8Decoder::new(), _demand: demand })
    }

    async fn event(&mut self) -> VideoEvent {
        timeout(PATIENCE, self.events.recv()).await.expect("an event in time").expect("no end without an event")
    }

    async fn picture(&mut self) -> I420Frame {
        loop {
            match self.event().await {
                VideoEvent::Frame(frame) => {
                    if let Some(picture) = self.decoder.decode(&frame).expect("decodes") {
                        return picture;
                    }
                }
                VideoEvent::Failed(error) => panic!("the camera failed: {error}"),
            }
        }
    }

    /// Waits for the end, and says why it came.
    async fn end(&mut self) -> Error {
        loop {
            if let VideoEvent::Failed(error) = self.event().await {
                return error;
            }
        }
    }
}

/// Mean difference of the colours' samples.
fn colour_error(a: &I420Frame, b: &I420Frame) -> f64 {
    let pairs = || a.planes().into_iter().zip(b.planes()).skip(1).flat_map(|(a, b)| a.iter().zip(b));
    pairs().map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / pairs().count() as f64
}

/// Ten pictures look as they did before the camera.
async fn looks_right(seen: &mut Seen, size: (u32, u32)) {
    for _ in 0..10 {
        let shown = seen.picture().await;
        let number = pattern::read(&shown).expect("a test picture").number;
        let source = picture(size, number);
        let psnr = source.psnr(&shown).expect("the camera's size");
        let colours = colour_error(&source, &shown);
        assert!(psnr > 30.0 && colours < 2.0, "picture {number}: {psnr} dB, colours off by {colours}");
    }
}

fn arrives(name: &str, mode: Mode) {
    let size = mode.size;
    world(name, vec![Camera::new(0, "Webcam", vec![mode])], async move |_| {
        let mut seen = Seen::open(None, size, 30).await.expect("opens");
        looks_right(&mut seen, size).await;
        assert_eq!(seen.capture.stats().damaged, 0);
        seen.capture.stop().await;
    });
}

#[test]
fn yuyv_arrives_as_it_was_seen() {
    arrives("yuyv_arrives_as_it_was_seen", padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..5));
}

#[test]
fn nv12_arrives_as_it_was_seen() {
    arrives("nv12_arrives_as_it_was_seen", padded(WebcamFormat::Nv12, VGA, VGA.0, 0..5));
}

#[test]
fn mjpeg_arrives_as_it_was_seen() {
    arrives("mjpeg_arrives_as_it_was_seen", padded(WebcamFormat::Mjpeg, VGA, 0, 0..5));
}

#[test]
fn padding_behind_a_line_is_no_picture() {
    arrives("padding_behind_a_line_is_no_picture", padded(WebcamFormat::Yuyv, (318, 240), 704, 0..5));
}

#[test]
fn padding_behind_a_line_of_colours_is_no_picture() {
    arrives("padding_behind_a_line_of_colours_is_no_picture", padded(WebcamFormat::Nv12, (318, 240), 320, 0..5));
}

#[test]
fn a_jpeg_needs_no_tables() {
    let mut mode = padded(WebcamFormat::Mjpeg, VGA, 0, 0..5);
    for frame in &mut mode.frames {
        let whole = frame.data.len();
        frame.data = without_tables(&frame.data);
        assert!(frame.data.len() < whole);
    }
    arrives("a_jpeg_needs_no_tables", mode);
}

#[test]
fn size_and_rate_are_the_nearest_to_the_wish() {
    let plain =
        |format, size, fps: &[u32]| Mode { fps: fps.to_vec(), ..padded(format, size, format.line(size.0), 0..2) };
    let webcam = vec![
        plain(WebcamFormat::Yuyv, VGA, &[30, 15]),
        plain(WebcamFormat::Yuyv, (1280, 720), &[10]),
        plain(WebcamFormat::Mjpeg, VGA, &[30]),
        plain(WebcamFormat::Mjpeg, (1280, 720), &[60, 30]),
    ];
    let camera = Camera::new(0, "Webcam", webcam);
    world("size_and_rate_are_the_nearest_to_the_wish", vec![camera], async |cameras| {
        for (wish, fps, expected) in [
            ((1280, 720), 30, (WebcamFormat::Mjpeg, (1280, 720), 30)),
            ((640, 480), 30, (WebcamFormat::Yuyv, VGA, 30)),
            ((640, 480), 15, (WebcamFormat::Yuyv, VGA, 15)),
            ((1280, 720), 10, (WebcamFormat::Yuyv, (1280, 720), 10)),
            ((1920, 1080), 60, (WebcamFormat::Mjpeg, (1280, 720), 60)),
        ] {
            let mut seen = Seen::open(None, wish, fps).await.expect("opens");
            let shown = seen.picture().await;
            assert_eq!(cameras.streams(0), Some(expected), "for {wish:?} at {fps}");
            assert_eq!((shown.width(), shown.height()), expected.1);
            seen.capture.stop().await;
        }
    });
}

/// What a bad cable makes of pictures 1 to 4: only 2 and 4 are whole.
fn faulty(format: WebcamFormat) -> Mode {
    let mut mode = padded(format, VGA, format.line(VGA.0), 1..5);
    mode.frames[0].damaged = true;
    let short = &mut mode.frames[2].data;
    short.truncate(short.len() * 3 / 5);
    mode
}

fn faults_are_passed_over(name: &str, mode: Mode) {
    world(name, vec![Camera::new(0, "Webcam", vec![mode])], async |_| {
        let mut seen = Seen::open(None, VGA, 30).await.expect("opens");
        for _ in 0..12 {
            let number = pattern::read(&seen.picture().await).map(|reading| reading.number);
            assert!(matches!(number, Some(2 | 4)), "picture {number:?} is damaged");
        }
        let damaged = seen.capture.stats().damaged;
        assert!(damaged >= 10, "{damaged} counted");
        seen.capture.stop().await;
    });
}

#[test]
fn damaged_and_short_pictures_are_passed_over_and_counted() {
    faults_are_passed_over("damaged_and_short_pictures_are_passed_over_and_counted", faulty(WebcamFormat::Yuyv));
}

#[test]
fn damaged_and_short_jpegs_are_passed_over_and_counted() {
    let mut mode = faulty(WebcamFormat::Mjpeg);
    // Besides: one that is no JPEG at all, and nothing.
    mode.frames.push(Delivered { data: vec![0x55; 3_000], damaged: false });
    mode.frames.push(Delivered { data: Vec::new(), damaged: false });
    faults_are_passed_over("damaged_and_short_jpegs_are_passed_over_and_counted", mode);
}

#[test]
fn a_camera_that_sends_nothing_but_damage_ends_with_a_reason() {
    let mut mode = padded(WebcamFormat::Nv12, VGA, VGA.0, 0..2);
    mode.frames.iter_mut().for_each(|frame| frame.damaged = true);
    let camera = Camera::new(0, "Webcam", vec![mode]);
    world("a_camera_that_sends_nothing_but_damage_ends_with_a_reason", vec![camera], async |_| {
        let error = Seen::open(None, VGA, 30).await.expect("opens").end().await;
        assert_eq!(*error.kind(), ErrorKind::CameraDamaged, "{error}");
    });
}

#[test]
fn jpegs_may_change_their_size() {
    let mut mode = padded(WebcamFormat::Mjpeg, VGA, 0, 0..3);
    mode.frames.extend(padded(WebcamFormat::Mjpeg, (320, 240), 0, 3..6).frames);
    world("jpegs_may_change_their_size", vec![Camera::new(0, "Webcam", vec![mode])], async |_| {
        let mut seen = Seen::open(None, VGA, 30).await.expect("opens");
        for width in [640, 320, 640] {
            while seen.picture().await.width() != width {}
        }
        seen.capture.stop().await;
    });
}

#[test]
fn a_camera_that_is_unplugged_says_so() {
    let camera = Camera::new(0, "Webcam", vec![padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..2)]);
    world("a_camera_that_is_unplugged_says_so", vec![camera], async |cameras| {
        let mut seen = Seen::open(None, VGA, 30).await.expect("opens");
        seen.picture().await;
        cameras.unplug(0).expect("unplugged");
        assert_eq!(*seen.end().await.kind(), ErrorKind::CameraFailed);
        let gone = Seen::open(None, VGA, 30).await.err().expect("nothing is left");
        assert_eq!(*gone.kind(), ErrorKind::CameraMissing);
    });
}

#[test]
fn a_camera_that_breaks_down_says_so() {
    let camera = Camera::new(0, "Webcam", vec![padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..2)]);
    world("a_camera_that_breaks_down_says_so", vec![camera], async |cameras| {
        let mut seen = Seen::open(None, VGA, 30).await.expect("opens");
        seen.picture().await;
        cameras.break_down(0);
        assert_eq!(*seen.end().await.kind(), ErrorKind::CameraFailed);
        seen.capture.stop().await;
        let broken = Seen::open(None, VGA, 30).await.err().expect("it is broken");
        // Its driver answers nothing, so nokhwa finds no format.
        assert!(matches!(broken.kind(), ErrorKind::CameraFailed | ErrorKind::CameraWithoutPictures), "{broken}");
    });
}

#[test]
fn a_camera_that_was_left_at_an_odd_rate_opens() {
    let mode = padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..2);
    let camera = Camera { left_at: Some((2, 15)), ..Camera::new(0, "Webcam", vec![mode]) };
    world("a_camera_that_was_left_at_an_odd_rate_opens", vec![camera], async |cameras| {
        let mut seen = Seen::open(None, VGA, 30).await.expect("opens");
        seen.picture().await;
        assert_eq!(cameras.streams(0), Some((WebcamFormat::Yuyv, VGA, 30)));
        seen.capture.stop().await;
    });
}

/// Why a camera is refused.
async fn refused(name: &str) -> ErrorKind {
    let error = Seen::open(Some(name), VGA, 30).await.err().unwrap_or_else(|| panic!("{name} opens"));
    error.kind().clone()
}

#[test]
fn each_refusal_has_a_kind_of_its_own() {
    let mode = || vec![padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..2)];
    let busy = Camera { busy: true, ..Camera::new(0, "Busy", mode()) };
    // Of a camera in use only the node for pictures says so.
    let metadata = Camera { unit: busy.unit.clone(), ..Camera::new(1, "Busy", Vec::new()) };
    let radio = Camera::new(2, "Radio", Vec::new());
    world("each_refusal_has_a_kind_of_its_own", vec![busy, metadata, radio], async |cameras| {
        cameras.plug_forbidden(3, "Forbidden").expect("a node");
        assert_eq!(refused("Busy").await, ErrorKind::CameraBusy);
        assert_eq!(refused("Holiday").await, ErrorKind::CameraNotFound { name: "Holiday".to_owned() });
        assert_eq!(refused("Radio").await, ErrorKind::CameraWithoutPictures);
        assert_eq!(refused("Forbidden").await, ErrorKind::CameraNotAllowed);
        cameras.set_busy(0, false);
        let mut seen = Seen::open(Some("Busy"), VGA, 30).await.expect("it was given back");
        seen.picture().await;
        seen.capture.stop().await;
    });
}

#[test]
fn a_busy_camera_is_passed_over_for_another() {
    let mode = || vec![padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..2)];
    let busy = Camera { busy: true, ..Camera::new(0, "Busy", mode()) };
    let cameras = vec![busy, Camera::new(2, "Free", mode())];
    world("a_busy_camera_is_passed_over_for_another", cameras, async |cameras| {
        let mut seen = Seen::open(None, VGA, 30).await.expect("opens");
        seen.picture().await;
        assert_eq!((cameras.streams(0), cameras.streams(2).is_some()), (None, true));
        seen.capture.stop().await;
    });
}

#[test]
fn cameras_are_listed_whatever_else_is_called_video() {
    let camera = Camera::new(0, "HD Webcam", vec![padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..1)]);
    let metadata = Camera { unit: camera.unit.clone(), ..Camera::new(1, "HD Webcam", Vec::new()) };
    let name = "cameras_are_listed_whatever_else_is_called_video";
    world(name, vec![camera, metadata, Camera::new(12, "Desk", Vec::new())], async |cameras| {
        for other in ["video-cam", "video", "video1a", "videos"] {
            std::os::unix::fs::symlink("video0", cameras.dev().join(other)).expect("a link");
        }
        let listed = list_devices().await.expect("a list");
        let names: Vec<&str> = listed.cameras.iter().map(|camera| camera.name.as_str()).collect();
        assert_eq!(names, ["HD Webcam", "Desk"]);
        Seen::open(Some("hd"), VGA, 30).await.expect("opens").capture.stop().await;
    });
}

#[test]
fn the_second_of_two_equal_cameras_stays_itself_when_the_first_is_unplugged() {
    let twin = |node| Camera::new(node, "HD Webcam", vec![padded(WebcamFormat::Yuyv, VGA, 2 * VGA.0, 0..2)]);
    let name = "the_second_of_two_equal_cameras_stays_itself_when_the_first_is_unplugged";
    world(name, vec![twin(0), twin(2)], async |cameras| {
        let both = list_devices().await.expect("a list").cameras;
        assert!(both.iter().all(|camera| camera.name == "HD Webcam") && both[0].id != both[1].id, "{both:?}");
        cameras.unplug(0).expect("unplugged");
        assert_eq!(list_devices().await.expect("a list").cameras, both[1..]);
        // In the socket of the first is another node now.
        let back = Camera { unit: twin(0).unit, ..twin(4) };
        cameras.plug(back).expect("plugged");
        for (camera, node) in both.iter().zip([4, 2]) {
            let mut seen = Seen::open(Some(&camera.id), VGA, 30).await.expect("opens");
            seen.picture().await;
            assert!(cameras.streams(node).is_some(), "{camera:?} is another one");
            seen.capture.stop().await;
        }
    });
}
