//! Screens and windows shared by `confab-peer`, from a real X server or Wayland desktop to the pictures that others decode.

use confab_media::{Vp8Decoder, read_ivf};
use confab_testkit::process::{Peer, Server, binary};
use confab_testkit::wayland::{self, Bus, Person};
use confab_testkit::x11::Stage;
use confab_wire::{
    layers::FrameLayer,
    media::{Codec, EncodedFrame},
};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const RED: u32 = 0xE0_20_10;
/// Luma of [`RED`] in BT.601 of limited range.
const RED_LUMA: u8 = 91;

/// Joins with a display of one's own.
fn join(server: &Server, stage: &Stage, name: &str, arguments: &[&str]) -> Outcome<Peer> {
    let display = [("DISPLAY", stage.display.name.as_str()), ("WAYLAND_DISPLAY", "")];
    Ok(Peer::join_with(&server.link("screens"), name, arguments, &display)?)
}

/// Waits until `viewer` is told of a screen of the peer `id`; answers with what it is told.
async fn screen_of(viewer: &mut Peer, id: &str) -> Outcome<Value> {
    Ok(viewer.wait_for("track-added", |track| track["id"] == id && track["name"] == "screen").await?)
}

/// Waits until `viewer` decodes pictures of this size from the peer called `name`.
async fn sees(viewer: &mut Peer, name: &str, width: u32, height: u32) -> Outcome {
    viewer.wait_for_stats(name, |stats| stats["width"] == width && stats["height"] == height).await?;
    Ok(())
}

/// Size, and luma at the middle, of each picture of a recording.
fn pictures(path: &Path) -> Outcome<Vec<(u32, u32, u8)>> {
    let mut decoder = Vp8Decoder::new();
    let mut pictures = Vec::new();
    for (timestamp, data) in read_ivf(path)?.frames {
        let key = data.first().is_some_and(|byte| byte & 1 == 0);
        let (codec, layer, timestamp) = (Codec::Vp8, FrameLayer::default(), timestamp as u32);
        let frame = EncodedFrame { data: data.into(), codec, key, timestamp, width: 0, height: 0, layer };
        let Some(picture) = decoder.decode(&frame)? else { continue };
        let (width, height) = (picture.width(), picture.height());
        pictures.push((width, height, picture.planes()[0][(height / 2 * width + width / 2) as usize]));
    }
    Ok(pictures)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shared_window_is_followed_by_everyone_until_it_is_closed() -> Outcome {
    let (server, stage, dir) = (Server::start().await?, Stage::new(800, 600).await?, tempfile::tempdir()?);
    let window = stage.window("Slides", (50, 50), (400, 300), RED);
    let mut ben = join(&server, &stage, "Ben", &["--record", &dir.path().to_string_lossy()])?;
    ben.joined().await?;
    let mut ann = join(&server, &stage, "Ann", &["--share", "window:slides"])?;
    let ann_id = ann.joined().await?;
    let track = screen_of(&mut ben, &ann_id).await?;
    sees(&mut ben, "Ann", 400, 300).await?;
    stage.resize(window, 501, 301);
    sees(&mut ben, "Ann", 501, 301).await?;
    let mut late = join(&server, &stage, "Cat", &[])?;
    screen_of(&mut late, &ann_id).await?;
    sees(&mut late, "Ann", 501, 301).await?;
    stage.unmap(window);
    ann.wait_for("me", |me| me["share"]["paused"] == true).await?;
    stage.map(window);
    let mut paused = false;
    ann.wait_for("me", |me| {
        paused |= me["share"]["paused"] == true;
        paused && me["share"]["paused"] == false
    })
    .await?;
    stage.close(window);
    let told = ann.wait_for("notice", |notice| notice["code"] == "share-ended").await?;
    assert!(told["message"].as_str().is_some_and(|message| message.contains("closed")), "{told}");
    for viewer in [&mut ben, &mut late] {
        viewer.wait_for("track-removed", |track| track["id"] == ann_id.as_str()).await?;
    }
    assert_eq!(ben.leave().await?, Some(0));
    let seen = pictures(Path::new(track["file"].as_str().ok_or("no recording")?))?;
    assert!(seen.iter().any(|(width, height, _)| (*width, *height) == (400, 300)));
    let wrong = seen.iter().filter(|(_, _, luma)| luma.abs_diff(RED_LUMA) > 8).count();
    assert!(wrong <= seen.len() / 20, "{wrong} of {} pictures are not red", seen.len());
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_screen_in_place_of_the_camera_and_one_beside_it() -> Outcome {
    let (server, stage) = (Server::start().await?, Stage::new(640, 480).await?);
    let mut ann = join(&server, &stage, "Ann", &["--video", "screen:1"])?;
    ann.joined().await?;
    let mut ben = join(&server, &stage, "Ben", &["--share", "screen"])?;
    let ben_id = ben.joined().await?;
    sees(&mut ben, "Ann", 640, 480).await?;
    screen_of(&mut ann, &ben_id).await?;
    sees(&mut ann, "Ben", 640, 480).await?;
    let mut lost = join(&server, &stage, "Eve", &["--share", "window:nobody's"])?;
    assert_eq!(lost.wait_for("error", |_| true).await?["code"], "screen-missing");
    assert_eq!(lost.process.wait().await?, Some(1));
    Ok(())
}

/// Joins on a Wayland desktop.
fn join_on(server: &Server, desktop: &[(&str, String)], name: &str, arguments: &[&str]) -> Outcome<Peer> {
    let environment: Vec<_> = desktop.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Ok(Peer::join_with(&server.link("wayland"), name, arguments, &environment)?)
}

/// Waits as [`sees`], while the screen is painted red: of one that rests since it is shared, this desktop tells nothing.
async fn sees_painted(stage: &wayland::Stage, viewer: &mut Peer, name: &str, width: u32, height: u32) -> Outcome {
    let paint = async {
        let mut again = tokio::time::interval(Duration::from_secs(1));
        loop {
            again.tick().await;
            stage.paint(RED)?;
        }
    };
    tokio::select! {
        seen = sees(viewer, name, width, height) => seen,
        failed = paint => failed,
    }
}

/// What `confab-peer devices` says of screens on a Wayland desktop.
fn screens_on(desktop: &[(&str, String)]) -> Outcome<Value> {
    let mut list = Command::new(binary("confab-peer")?);
    let listed = list.args(["devices", "--json"]).envs(desktop.iter().cloned()).output()?;
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    Ok(serde_json::from_slice(&listed.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wayland_screen_is_shared_until_its_desktop_is_gone() -> Outcome {
    let server = Server::start().await?;
    let mut stage = wayland::Stage::start((640, 480), RED, Person::Chooses)?;
    let desktop = stage.environment();
    let screens = &screens_on(&desktop)?["screens"];
    assert_eq!(
        (&screens[0]["kind"], &screens[0]["id"], &screens[1]),
        (&"system".into(), &"screen".into(), &Value::Null)
    );
    let dir = tempfile::tempdir()?;
    let mut ben = join_on(&server, &desktop, "Ben", &["--record", &dir.path().to_string_lossy()])?;
    ben.joined().await?;
    let mut ann = join_on(&server, &desktop, "Ann", &["--share", "screen"])?;
    let ann_id = ann.joined().await?;
    let track = screen_of(&mut ben, &ann_id).await?;
    sees_painted(&stage, &mut ben, "Ann", 640, 480).await?;
    stage.resize(802, 602)?;
    sees_painted(&stage, &mut ben, "Ann", 802, 602).await?;
    stage.kill_compositor();
    let told = ann.wait_for("notice", |notice| notice["code"] == "share-ended").await?;
    assert!(told["message"].as_str().is_some_and(|message| message.contains("desktop")), "{told}");
    ben.wait_for("track-removed", |track| track["id"] == ann_id.as_str()).await?;
    assert_eq!(ben.leave().await?, Some(0));
    let seen = pictures(Path::new(track["file"].as_str().ok_or("no recording")?))?;
    assert!(seen.iter().any(|(width, height, luma)| (*width, *height) == (802, 602) && luma.abs_diff(RED_LUMA) <= 8));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wayland_screen_that_rests_from_the_start_is_shared_until_it_changes() -> Outcome {
    let server = Server::start().await?;
    let stage = wayland::Stage::start((640, 480), RED, Person::Chooses)?;
    let desktop = stage.environment();
    let mut ben = join_on(&server, &desktop, "Ben", &[])?;
    ben.joined().await?;
    // What the desktop painted of itself at its start is over.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let mut ann = join_on(&server, &desktop, "Ann", &["--share", "screen"])?;
    let ann_id = ann.joined().await?;
    screen_of(&mut ben, &ann_id).await?;
    // Longer than a camera may be silent.
    tokio::time::sleep(Duration::from_secs(8)).await;
    let failed = ann.events().into_iter().find(|event| event["event"] == "notice" || event["event"] == "error");
    assert_eq!(failed, None);
    sees_painted(&stage, &mut ben, "Ann", 640, 480).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_goes_on_and_is_left_while_the_desktop_asks_what_to_share() -> Outcome {
    let server = Server::start().await?;
    let stage = wayland::Stage::start((320, 240), RED, Person::Waits)?;
    let desktop = stage.environment();
    let mut ann = join_on(&server, &desktop, "Ann", &["--share", "screen"])?;
    ann.joined().await?;
    while !stage.has_asked() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let mut ben = join_on(&server, &desktop, "Ben", &["--share", "screen", "--for", "5"])?;
    ann.wait_for("peer-connect", |event| event["name"] == "Ben").await?;
    assert_eq!(ben.process.wait().await?, Some(0), "his time is over");
    ann.wait_for("peer-disconnect", |_| true).await?;
    assert_eq!(ann.leave().await?, Some(0));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wayland_screen_in_place_of_the_camera() -> Outcome {
    let server = Server::start().await?;
    let stage = wayland::Stage::start((640, 480), RED, Person::Chooses)?;
    let desktop = stage.environment();
    let mut ann = join_on(&server, &desktop, "Ann", &["--video", "screen"])?;
    ann.joined().await?;
    let mut ben = join_on(&server, &desktop, "Ben", &[])?;
    ben.joined().await?;
    sees_painted(&stage, &mut ben, "Ann", 640, 480).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wayland_screen_that_is_not_had_is_said() -> Outcome {
    let server = Server::start().await?;
    let cancelled = wayland::Stage::start((320, 240), RED, Person::Cancels)?;
    let bare = Bus::bare()?;
    for (desktop, code) in [(cancelled.environment(), "share-cancelled"), (bare.environment(), "screen-unsupported")] {
        let mut lost = join_on(&server, &desktop, "Eve", &["--share", "screen"])?;
        assert_eq!(lost.wait_for("error", |_| true).await?["code"], code);
        assert_eq!(lost.process.wait().await?, Some(1));
    }
    let why = &screens_on(&bare.environment())?["screensError"];
    assert!(why["message"].as_str().is_some_and(|message| message.contains("xdg-desktop-portal")), "{why}");
    Ok(())
}
