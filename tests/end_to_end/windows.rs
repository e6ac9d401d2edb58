//! The app's own windows, used as people use them: start, share the link, join, see, write, mute, leave.

use confab_media::{VideoCapture, VideoSource};
use confab_rtcio::{Event, LocalTrack, RtcioStream, Socket};
use confab_testkit::browser::Browser;
use confab_testkit::process::{PATIENCE, Peer};
use confab_testkit::window::{Window, WindowError};
use confab_tests::member::{camera, enter};
use confab_tests::{artifacts, frame_number_script, sees_frames_advance, tile_of, tile_says};

use serde_json::json;
use std::time::Duration;
use tokio::time::timeout;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SIZE: (u32, u32) = (1280, 800);
const MEDIA: [&str; 6] = ["--video", "pattern", "--audio", "tone:440", "--speaker", "none"];

async fn screenshot(window: &Window, name: &str) -> Result<(), WindowError> {
    window.display.screenshot(&artifacts().join(format!("window-{name}.png"))).await
}

/// Starts a call from the home screen and returns its link.
async fn start_call(window: &Window, name: &str) -> Result<String, WindowError> {
    window.fill("name-input", name).await?;
    window.click("start-call").await?;
    window.text("room-link").await
}

async fn write(window: &Window, text: &str) -> Result<(), WindowError> {
    window.fill("chat-input", text).await?;
    window.click("chat-send").await
}

async fn reads(window: &Window, author: &str, text: &str) -> Result<(), WindowError> {
    let script = format!(
        "return [...document.querySelectorAll(\"[data-testid='chat-message']\")].some((message) =>
            message.querySelector(\"[data-testid='chat-text']\").textContent.trim() === {text:?} &&
            message.querySelector(\"[data-testid='chat-from']\").textContent.includes({author:?}))"
    );
    window.wait(&format!("the message {text:?} from {author}"), &script).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn two_windows_call_each_other_by_a_link() -> Outcome {
    let ann = Window::open("Ann", SIZE, &MEDIA).await?;
    ann.find("home").await?;
    screenshot(&ann, "home").await?;
    let link = start_call(&ann, "Ann").await?;
    assert!(link.starts_with("http://") && link.contains("/r/"), "{link}");
    sees_frames_advance(&ann, "self").await?;
    screenshot(&ann, "alone").await?;
    ann.click("toggle-chat").await?;
    write(&ann, "written before Ben came").await?;

    // The app serves its own rooms and nobody else's.
    let (server, _) = link.rsplit_once("/r/").unwrap_or_default();
    let mut stranger = Peer::join(&format!("{server}/r/another-room"), "Stranger", &[])?;
    assert_eq!(stranger.wait_for("error", |_| true).await?["code"], "room-closed");
    assert_eq!(stranger.process.wait().await?, Some(5));

    // Ben joins by the link, typed into the home screen.
    let ben = Window::open("Ben", SIZE, &["--video", "pattern", "--audio", "tone:660", "--speaker", "none"]).await?;
    ben.fill("name-input", "Ben").await?;
    ben.fill("link-input", &link).await?;
    ben.click("join-call").await?;
    ben.find("lobby").await?;
    screenshot(&ben, "lobby").await?;
    ben.click("lobby-join").await?;
    let ann_at_ben = tile_of(&ben, "Ann").await?;
    let ben_at_ann = tile_of(&ann, "Ben").await?;
    sees_frames_advance(&ben, &ann_at_ben).await?;
    sees_frames_advance(&ann, &ben_at_ann).await?;
    screenshot(&ben, "call").await?;

    // Ann shares her screen, on which her own window is: Ben sees it large, and it goes when she stops.
    ann.click("toggle-share").await?;
    ann.find("share-source").await?;
    screenshot(&ann, "share").await?;
    ann.click("share-go").await?;
    ann.find("share-banner").await?;
    let screen =
        "document.querySelector(\"[data-testid='screen-tile'][data-pinned='true'] [data-testid='tile-video']\")";
    ben.wait("Ann's screen to move", &format!("return Number({screen}?.dataset.frames) > 5")).await?;
    // The choice lies over the banner until the share has begun for Ann, too.
    ann.wait("the choice to close", "return document.querySelector(\"[data-testid='share-dialog']\") === null").await?;
    screenshot(&ann, "sharing").await?;
    screenshot(&ben, "screen").await?;
    ann.click("stop-share").await?;
    ben.wait("Ann's screen to go", &format!("return {screen} === null")).await?;

    // Late history, chat both ways.
    ben.click("toggle-chat").await?;
    reads(&ben, "Ann", "written before Ben came").await?;
    write(&ben, "hello from Ben, see https://example.org/x").await?;
    reads(&ann, "Ben", "hello from Ben, see https://example.org/x").await?;
    screenshot(&ann, "chat").await?;

    // Mute and camera are shown at the other side.
    ann.click("toggle-mic").await?;
    tile_says(&ben, &ann_at_ben, "mic", "off").await?;
    ann.click("toggle-camera").await?;
    tile_says(&ben, &ann_at_ben, "cam", "off").await?;
    let initials = format!("[data-testid='tile'][data-peer='{ann_at_ben}'] [data-testid='tile-initials']");
    ben.wait("the initials of Ann", &format!("return document.querySelector({initials:?}) !== null")).await?;
    screenshot(&ben, "muted").await?;
    ann.click("toggle-mic").await?;
    ann.click("toggle-camera").await?;
    tile_says(&ben, &ann_at_ben, "cam", "on").await?;
    sees_frames_advance(&ben, &ann_at_ben).await?;

    // A reloaded window is whole again.
    ben.client.refresh().await?;
    let again = tile_of(&ben, "Ann").await?;
    assert_eq!(again, ann_at_ben);
    sees_frames_advance(&ben, &again).await?;

    // A third one without a window: three tiles.
    let mut cy = Peer::join(&link, "Cy", &["--video", "pattern", "--audio", "tone:880", "--size", "640x360"])?;
    cy.joined().await?;
    let cy_at_ann = tile_of(&ann, "Cy").await?;
    sees_frames_advance(&ann, &cy_at_ann).await?;
    cy.wait_for_stats("Ann", |stats| stats["fps"].as_f64() > Some(5.0) && stats["audioLevel"].as_f64() > Some(0.02))
        .await?;
    screenshot(&ann, "three").await?;
    cy.leave().await?;
    gone(&ann, &cy_at_ann).await?;

    // Leaving removes the tile.
    ann.click("leave-call").await?;
    gone(&ben, &ann_at_ben).await?;
    ann.find("home").await?;
    screenshot(&ann, "left").await?;
    ann.close().await?;
    ben.close().await?;
    Ok(())
}

/// A browser page that sends nothing but H.264, which Debian's WebKitGTK decodes only with plugins that it does not bring.
#[tokio::test(flavor = "multi_thread")]
async fn a_picture_in_h264_is_shown_or_named() -> Outcome {
    let window = Window::open("Ann", SIZE, &MEDIA).await?;
    let link = start_call(&window, "Ann").await?;
    let browser = Browser::start().await?;
    let page = browser.open("Ben").await?;
    page.eval("call.codecs = ['video/H264']").await?;
    page.join(&link, None, Some((640, 360, 30))).await?;
    let ben = tile_of(&window, "Ben").await?;
    // What the window said it decodes, by the same question.
    let decodes = "return VideoDecoder.isConfigSupported({ codec: 'avc1.64001f' }).then(({ supported }) => supported)";
    if window.eval(decodes).await? == true {
        sees_frames_advance(&window, &ben).await?;
    } else {
        let sentence = "return document.body.innerText.includes('lacks a decoder for this video (H264)')";
        window.wait("the missing decoder to be named", sentence).await?;
    }
    screenshot(&window, "h264").await?;
    // The other way it is a call like any other.
    page.wait_for_person("Ann", "video?.patterns > 10").await?;
    window.close().await?;
    Ok(())
}

/// Somebody in this process who sends 1280×720 into the room of `link`, and sees how much of it goes to whom.
struct Sender {
    socket: Socket,
    window: String,
    _camera: VideoCapture,
}

impl Sender {
    /// Enters a room in which there is nobody but a window.
    async fn join(link: &str, name: &str) -> Result<Self, Box<dyn std::error::Error>> {
        let (server, room) = link.rsplit_once("/r/").ok_or("no link")?;
        let (socket, mut events, id) = enter(server, room, name).await?;
        let (stream, track) = (RtcioStream::new(), LocalTrack::simulcast());
        stream.add_track(&track);
        let camera = camera(&track, VideoSource::Pattern).await?;
        socket.emit("camera", stream.args([json!({ "id": id, "name": name, "stream": &stream })])).await?;
        let window = loop {
            if let Event::PeerConnect { peer } = events.recv().await.ok_or("the socket closed")? {
                break peer;
            }
        };
        tokio::spawn(async move { while events.recv().await.is_some() {} });
        Ok(Self { socket, window, _camera: camera })
    }

    /// Waits until the statistics say that the window gets `layer`.
    async fn sends(&self, layer: &str) -> Outcome {
        let mut last = None;
        let sent = async {
            loop {
                let stats = self.socket.get_stats(&self.window).await;
                last = stats.and_then(|stats| stats.outbound_rtp.first()?.layer.clone());
                if last.as_deref() == Some(layer) {
                    return;
                }
                // Statistics have nothing that could wake anybody.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        Ok(timeout(PATIENCE, sent).await.map_err(|_| format!("{layer} was never sent, but {last:?}"))?)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_sent_what_it_draws() -> Outcome {
    let window = Window::open("Ann", SIZE, &["--video", "none", "--audio", "none", "--speaker", "none"]).await?;
    let link = start_call(&window, "Ann").await?;
    let ben = Sender::join(&link, "Ben").await?;
    let tile = tile_of(&window, "Ben").await?;
    sees_frames_advance(&window, &tile).await?;
    ben.sends("full").await?;

    // With six people a tile is some 400 pixels wide, and with two it fills the window again.
    let mut others = Vec::new();
    for name in ["Cy", "Dee", "Eli", "Fay"] {
        others.push(Peer::join(&link, name, &["--no-decode"])?);
        tile_of(&window, name).await?;
    }
    ben.sends("half").await?;
    sees_frames_advance(&window, &tile).await?;
    screenshot(&window, "small-tiles").await?;
    for other in others {
        other.leave().await?;
    }
    ben.sends("full").await?;

    // A window that nobody sees; what minimizes it is the desktop's matter, and there is none here.
    let seen_as = |state: &str| {
        format!(
            "Object.defineProperty(document, 'visibilityState', {{ value: '{state}', configurable: true }});
            document.dispatchEvent(new Event('visibilitychange'));"
        )
    };
    window.eval(&seen_as("hidden")).await?;
    ben.sends("none").await?;
    window.eval(&seen_as("visible")).await?;
    ben.sends("full").await?;
    sees_frames_advance(&window, &tile).await?;

    // A page without its script draws nothing either.
    window.client.goto("about:blank").await?;
    ben.sends("none").await?;
    ben.socket.close().await;
    window.close().await?;
    Ok(())
}

/// Kills the process of the page, and waits for the next one.
async fn kill_page(window: &Window) -> Outcome {
    let page = window.page_process().ok_or("the page has no process")?;
    std::process::Command::new("kill").args(["-KILL", &page.to_string()]).status()?;
    let again = async {
        while window.page_process().is_none_or(|next| next == page) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    Ok(timeout(PATIENCE, again).await.map_err(|_| "the page did not come again")?)
}

/// As when memory runs out. The driver loses the page with its process, so what the window does is seen by the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_page_whose_process_dies_comes_again_and_the_second_time_the_call_is_muted() -> Outcome {
    let window = Window::open("Ann", SIZE, &MEDIA).await?;
    let link = start_call(&window, "Ann").await?;
    let ben = Sender::join(&link, "Ben").await?;
    ben.sends("full").await?;
    kill_page(&window).await?;
    ben.sends("none").await?;
    ben.sends("full").await?;
    screenshot(&window, "page-again").await?;

    let mut cy = Peer::join(&link, "Cy", &["--no-decode"])?;
    cy.joined().await?;
    kill_page(&window).await?;
    cy.wait_for("media-state", |event| event["mic"] == false && event["cam"] == false).await?;
    screenshot(&window, "page-muted").await?;
    cy.leave().await?;
    ben.socket.close().await;
    window.close().await?;
    Ok(())
}

async fn gone(window: &Window, peer: &str) -> Result<(), WindowError> {
    let tile = format!("[data-testid='tile'][data-peer='{peer}']");
    window.wait("a tile to go", &format!("return document.querySelector({tile:?}) === null")).await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_wrong_is_said_in_the_window() -> Outcome {
    let window = Window::open("Dee", (900, 600), &["--video", "camera", "--audio", "mic"]).await?;
    window.fill("name-input", "Dee").await?;
    window.fill("link-input", "http://127.0.0.1:9/r/nobody-there").await?;
    window.click("join-call").await?;
    window.click("lobby-join").await?;
    let said = window.text("home-error").await?;
    assert!(said.contains("can’t be reached"), "{said}");
    screenshot(&window, "unreachable").await?;

    // No camera, no microphone, no sound server: a call all the same.
    window.click("lobby-back").await?;
    start_call(&window, "Dee").await?;
    window.wait("the missing camera to be named", "return document.body.innerText.includes('No camera found')").await?;
    let number = window.eval(&frame_number_script("self")).await?;
    assert!(number.is_null(), "no picture without a camera");
    tile_says(&window, "self", "cam", "off").await?;
    screenshot(&window, "no-devices").await?;
    window.close().await?;
    Ok(())
}
