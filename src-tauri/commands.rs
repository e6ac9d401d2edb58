//! What the window may ask of the backend. Each answers, or fails with a [`UserError`] as `{ code, params?, detail? }`;
//! what it changed arrives as events. The names are granted in `permissions/call.toml`.

use crate::app::{App, JoinOptions};
use crate::hosting::own_port;
use crate::media::MediaSocketAddress;
use confab_call::{AudioSource, Rehearsed, ScreenSelector, VideoSource, can_share_sound, list_screens};
use confab_ipc::{
    DeviceList, ErrorCode, RoomTarget, Settings, ShareChoice, Snapshot, UiEvent, UserError, link_with_token,
    parse_token,
};
use confab_wire::{limits, media::Decoders, room::typed_server, signaling::RoomPeek};
use std::time::Duration;
use tauri::ipc::Channel;
use tauri::{AppHandle, Runtime, State, WebviewWindow};
use tauri_plugin_clipboard_manager::ClipboardExt;
use tokio::time::timeout;
use url::Url;

/// Longest time for a command in a call: opening a camera may take seconds.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest time for the desktop: clipboard and browser.
const DESKTOP_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest time for the pictures of all screens and windows.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);
/// Least and greatest factor by which the page is drawn larger.
const ZOOM: (f64, f64) = (0.5, 2.0);
/// Longest web address that is opened.
const URL_BYTES: usize = 2048;

type Result<T> = std::result::Result<T, UserError>;

/// Bounds the wait for a call's answer.
async fn in_time<T>(answer: impl Future<Output = T>) -> Result<T> {
    timeout(CALL_TIMEOUT, answer).await.map_err(|_| UserError::with_detail(ErrorCode::Internal, "no answer in time"))
}

/// Sends a snapshot and every later event to `channel`; the snapshot is also the answer. `decoders` is what the window can
/// decode in the calls that begin from now on.
#[tauri::command]
pub async fn subscribe<R: Runtime>(
    window: WebviewWindow<R>,
    app: State<'_, App>,
    decoders: Decoders,
    channel: Channel<UiEvent>,
) -> Result<Snapshot> {
    app.subscribe(window.label().to_owned(), decoders, Box::new(move |event| channel.send(event).is_ok())).await
}

/// Address of the media socket, good for one connection within 30 seconds.
#[tauri::command]
pub async fn media_socket(address: State<'_, Option<MediaSocketAddress>>) -> Result<String> {
    let address = address.as_ref().ok_or_else(|| UserError::with_detail(ErrorCode::Internal, "no loopback socket"))?;
    Ok(address.url())
}

/// Starts a call in a new room.
#[tauri::command]
pub async fn start_call(app: State<'_, App>, name: String, mic: bool, camera: bool) -> Result<()> {
    app.start(name, JoinOptions { mic, camera }).await
}

/// The room to which a text leads that somebody typed or pasted. Nobody is asked anything for it.
#[tauri::command]
pub async fn find_room(app: State<'_, App>, text: String) -> Result<RoomTarget> {
    app.find_room(&text).await
}

/// Joins the room of a link, with the token that was typed if there is one.
#[tauri::command]
pub async fn join_call(
    app: State<'_, App>,
    link: String,
    token: Option<String>,
    name: String,
    mic: bool,
    camera: bool,
) -> Result<()> {
    app.join(link_with_token(&link, typed(token.as_deref()))?, name, JoinOptions { mic, camera }).await
}

/// Who is in the room of a link; null if its server does not report it. Fails with why nobody gets in.
#[tauri::command]
pub async fn peek_room(link: String, token: Option<String>) -> Result<Option<RoomPeek>> {
    let link = link_with_token(&link, typed(token.as_deref()))?;
    match in_time(confab_call::peek_room(&link)).await? {
        // A server of this computer begins with the call, and opens its room.
        Err(error)
            if matches!(error.code, ErrorCode::ServerUnreachable | ErrorCode::RoomClosed)
                && own_port(&link).is_some() =>
        {
            Ok(None)
        }
        peeked => peeked,
    }
}

/// Finds the server that somebody means by an address; the answer is the whole address. Fails if there is none.
#[tauri::command]
pub async fn check_server(address: String, token: Option<String>) -> Result<String> {
    let token = typed(token.as_deref()).map(parse_token).transpose()?;
    let urls = typed_server(&address)?;
    let probes = urls.iter().map(|url| confab_call::probe_server(url, token.as_ref()));
    let answers = in_time(futures_util::future::join_all(probes)).await?;
    let mut failed = None;
    for (url, answer) in urls.iter().zip(answers) {
        match answer {
            Ok(()) => return Ok(url.to_string()),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    Err(failed.unwrap_or_else(|| ErrorCode::BadServer.into()))
}

/// The devices there are; changes arrive as events for a while.
#[tauri::command]
pub async fn list_devices(app: State<'_, App>) -> Result<DeviceList> {
    in_time(app.devices()).await?
}

/// Tries devices without sending anything.
#[tauri::command]
pub async fn start_rehearsal(app: State<'_, App>, microphone: bool, camera: bool) -> Result<()> {
    in_time(app.rehearse(Rehearsed { microphone, camera })).await?
}

/// Gives back what was tried.
#[tauri::command]
pub async fn stop_rehearsal(app: State<'_, App>) -> Result<()> {
    in_time(app.stop_rehearsal()).await?
}

/// Plays a short sound on the chosen speaker; answers when it has ended.
#[tauri::command]
pub async fn play_test_sound(app: State<'_, App>) -> Result<()> {
    in_time(app.play_test_sound()).await?
}

/// Leaves the call, or stops joining one.
#[tauri::command]
pub async fn leave_call(app: State<'_, App>) -> Result<()> {
    app.leave().await
}

/// Mutes or unmutes.
#[tauri::command]
pub async fn set_mic(app: State<'_, App>, on: bool) -> Result<()> {
    in_time(app.call()?.set_mic(on)).await
}

/// Turns the camera on or off.
#[tauri::command]
pub async fn set_camera(app: State<'_, App>, on: bool) -> Result<()> {
    in_time(app.call()?.set_camera(on)).await
}

/// What one can share, with a small picture of each.
#[tauri::command]
pub async fn list_share_sources() -> Result<ShareChoice> {
    let failed = |why: String| UserError::with_detail(ErrorCode::ScreenFailed, why);
    let look =
        tokio::task::spawn_blocking(|| Ok(ShareChoice { sources: list_screens(true)?, sound: can_share_sound() }));
    let listed = timeout(LIST_TIMEOUT, look).await.map_err(|_| failed("no answer in time".into()))?;
    listed.map_err(|error| failed(error.to_string()))?
}

/// Shares what [`list_share_sources`] named `id`, with the computer's sound if that is wished. Answers when it is open; a person
/// who is asked by the system may take longer than other commands.
#[tauri::command]
pub async fn start_share(app: State<'_, App>, id: String, sound: bool) -> Result<()> {
    let selector: ScreenSelector =
        id.parse().map_err(|error| UserError::with_detail(ErrorCode::ScreenMissing, error))?;
    let sound = if sound { AudioSource::System } else { AudioSource::None };
    app.call()?.start_share(VideoSource::Screen(selector), sound).await
}

/// Stops sharing.
#[tauri::command]
pub async fn stop_share(app: State<'_, App>) -> Result<()> {
    in_time(app.call()?.stop_share()).await
}

/// Sends a chat message to everyone.
#[tauri::command]
pub async fn send_chat(app: State<'_, App>, text: String) -> Result<()> {
    in_time(app.call()?.send_chat(text)).await?
}

/// Changes how loud a participant is heard, in percent.
#[tauri::command]
pub async fn set_peer_volume(app: State<'_, App>, id: String, volume: u16) -> Result<()> {
    in_time(app.call()?.set_peer_volume(id, volume)).await?
}

/// Mutes a participant for oneself, or not any more.
#[tauri::command]
pub async fn set_muted_for_me(app: State<'_, App>, id: String, muted: bool) -> Result<()> {
    in_time(app.call()?.set_muted_for_me(id, muted)).await?
}

/// Puts the room's link on the clipboard.
#[tauri::command]
pub async fn copy_link<R: Runtime>(handle: AppHandle<R>, app: State<'_, App>) -> Result<()> {
    let view = in_time(app.call()?.view()).await?.ok_or(ErrorCode::NotInCall)?;
    let failed = |why: String| UserError::with_detail(ErrorCode::LinkNotCopied, why);
    on_desktop(move || handle.clipboard().write_text(view.link).map_err(|error| error.to_string()))
        .await
        .map_err(failed)
}

/// Opens a web address in the system's browser. Nothing but `http` and `https` is opened: a link may come from anyone in
/// the chat, and other schemes start programs.
#[tauri::command]
pub async fn open_external(url: String) -> Result<()> {
    let url = web_address(&url)?;
    on_desktop(move || tauri_plugin_opener::open_url(url.as_str(), None::<&str>).map_err(|error| error.to_string()))
        .await
        .map_err(|why| UserError::with_detail(ErrorCode::LinkNotOpened, why))
}

/// Draws the window's page larger or smaller: 1 is as designed.
#[tauri::command]
pub async fn set_zoom<R: Runtime>(window: WebviewWindow<R>, factor: f64) -> Result<()> {
    let factor = if factor.is_finite() { factor.clamp(ZOOM.0, ZOOM.1) } else { 1.0 };
    window.set_zoom(factor).map_err(|error| UserError::with_detail(ErrorCode::Internal, error.to_string()))
}

/// Saves settings; the answer is what was saved.
#[tauri::command]
pub async fn save_settings(app: State<'_, App>, settings: Settings) -> Result<Settings> {
    if settings.recent.len() > limits::ROOM_MEMBERS * 4 {
        return Err(UserError::with_detail(ErrorCode::SettingsNotSaved, "too many rooms"));
    }
    app.save_settings(settings).await
}

/// Runs what waits for another program (X server, browser) aside, for a bounded time.
async fn on_desktop(
    task: impl FnOnce() -> std::result::Result<(), String> + Send + 'static,
) -> std::result::Result<(), String> {
    match timeout(DESKTOP_TIMEOUT, tokio::task::spawn_blocking(task)).await {
        Ok(Ok(done)) => done,
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err("the desktop did not answer in time".to_owned()),
    }
}

/// What was typed into a field; none if nothing was.
fn typed(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

fn web_address(text: &str) -> Result<Url> {
    let refused = |why: &str| UserError::with_detail(ErrorCode::LinkNotOpened, why);
    if text.len() > URL_BYTES {
        return Err(refused("the address is too long"));
    }
    let url = Url::parse(text).map_err(|error| refused(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
        return Err(refused("only http and https"));
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_ipc::ErrorReason;

    #[test]
    fn a_typed_token_goes_before_that_of_the_link() {
        let token = |link: &str, text: Option<&str>| {
            link_with_token(link, typed(text)).map(|link| link.token.map(|token| token.as_str().to_owned()))
        };
        assert_eq!(token("http://h/r/a#token=x", None).unwrap().as_deref(), Some("x"));
        assert_eq!(token("http://h/r/a#token=x", Some(" y\n")).unwrap().as_deref(), Some("y"));
        assert_eq!(token("http://h/r/a", Some(" ")).unwrap(), None);
        assert_eq!(token("http://h/r/a", Some("a b")).unwrap_err().reason(), Some(ErrorReason::TokenMalformed));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_server_is_found_by_what_people_type() {
        let config = confab_server::ServerConfig { listen: "127.0.0.1:0".parse().unwrap(), ..Default::default() };
        let server = confab_server::Server::bind(config).await.unwrap();
        let address = server.local_addr().to_string();
        for typed in [address.clone(), format!(" http://{address}/r/x "), format!("<{address}>,")] {
            assert_eq!(check_server(typed.clone(), None).await.unwrap(), format!("http://{address}/"), "{typed}");
        }
        server.shutdown().await;
        assert_eq!(check_server(address, None).await.unwrap_err().code, ErrorCode::ServerUnreachable);
        assert_eq!(check_server("no server".into(), None).await.unwrap_err().code, ErrorCode::BadServer);
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let other = silent.local_addr().unwrap().to_string();
        tokio::spawn(async move {
            while let Ok((stream, _)) = silent.accept().await {
                drop(stream)
            }
        });
        assert!(check_server(other, None).await.is_err(), "something else listens there");
    }

    #[test]
    fn only_web_addresses_are_opened() {
        assert_eq!(web_address("https://example.org/a?b#c").unwrap().as_str(), "https://example.org/a?b#c");
        assert_eq!(web_address("HTTP://EXAMPLE.ORG").unwrap().as_str(), "http://example.org/");
        for text in [
            "",
            "example.org",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "mailto:a@b",
            "confab://join",
            "ssh://host",
            "--help",
            "http://",
            "/bin/sh",
        ] {
            assert_eq!(web_address(text).unwrap_err().code, ErrorCode::LinkNotOpened, "{text}");
        }
        assert!(web_address(&format!("http://h/{}", "x".repeat(URL_BYTES))).is_err());
    }
}
