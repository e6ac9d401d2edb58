use super::super::source::FrameSource;
use super::*;
use bytes::Bytes;
use confab_ipc::frame::{HEADER_BYTES, SELF_TRACK};
use confab_wire::{
    layers::{FrameLayer, RenderedSize},
    media::{Codec, EncodedFrame},
};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, connect_async};

const ORIGIN: &str = "tauri://localhost";
/// Longer than anything here takes; a test that waits for it has failed.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Clone)]
struct Camera {
    frames: broadcast::Sender<TrackFrame>,
    asked: mpsc::UnboundedSender<u32>,
    sizes: broadcast::Sender<(u32, RenderedSize)>,
}

impl FrameSource for Camera {
    fn frames(&self) -> broadcast::Receiver<TrackFrame> {
        self.frames.subscribe()
    }

    fn request_key_frame(&self, handle: u32) {
        let _ = self.asked.send(handle);
    }

    fn set_rendered_size(&self, handle: u32, drawn: RenderedSize) {
        let _ = self.sizes.send((handle, drawn));
    }
}

impl Camera {
    fn new() -> (Self, mpsc::UnboundedReceiver<u32>) {
        let (asked, requests) = mpsc::unbounded_channel();
        (Self { frames: broadcast::channel(64).0, asked, sizes: broadcast::channel(64).0 }, requests)
    }

    /// Sends a frame once it is subscribed to.
    async fn send(&self, handle: u32, key: bool, timestamp: u32) {
        timeout(PATIENCE, async {
            while self.frames.receiver_count() == 0 {
                tokio::task::yield_now().await;
            }
        })
        .await
        .unwrap();
        let data = Bytes::from_static(b"bits");
        let frame = EncodedFrame {
            data,
            codec: Codec::Vp8,
            key,
            timestamp,
            width: 64,
            height: 36,
            layer: FrameLayer::default(),
        };
        self.frames.send(TrackFrame { handle, frame }).unwrap();
    }
}

struct Bench {
    address: MediaSocketAddress,
    current: watch::Sender<Option<Camera>>,
    _stop: tokio_util::sync::DropGuard,
}

impl Bench {
    async fn new(camera: Option<Camera>) -> Self {
        let (current, pictures) = watch::channel(camera);
        let (socket, address) = MediaSocket::bind(vec![ORIGIN.to_owned()], pictures).await.unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(socket.run(stop.clone()));
        Self { address, current, _stop: stop.drop_guard() }
    }
}

type Window = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn dial(url: &str, origin: Option<&str>, host: Option<&str>) -> Result<Window, tungstenite::Error> {
    let mut request = url.into_client_request()?;
    if let Some(origin) = origin {
        request.headers_mut().insert(header::ORIGIN, origin.parse().unwrap());
    }
    if let Some(host) = host {
        request.headers_mut().insert(header::HOST, host.parse().unwrap());
    }
    timeout(PATIENCE, connect_async(request)).await.unwrap().map(|(window, _)| window)
}

/// Handle and timestamp of the next picture.
async fn picture(window: &mut Window) -> (u32, u32) {
    let Message::Binary(message) = timeout(PATIENCE, window.next()).await.unwrap().unwrap().unwrap() else {
        panic!("not a picture")
    };
    assert_eq!(&message[HEADER_BYTES..], b"bits");
    let number = |at: usize| u32::from_le_bytes(message[at..at + 4].try_into().unwrap());
    (number(4), number(8))
}

async fn asked(requests: &mut mpsc::UnboundedReceiver<u32>) -> u32 {
    timeout(PATIENCE, requests.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn pictures_reach_the_window_from_a_key_frame_on() {
    let (camera, mut requests) = Camera::new();
    let bench = Bench::new(Some(camera.clone())).await;
    let mut window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    camera.send(3, false, 1).await;
    assert_eq!(asked(&mut requests).await, 3);
    camera.send(3, true, 2).await;
    camera.send(SELF_TRACK, true, 9).await;
    assert_eq!(picture(&mut window).await, (3, 2));
    assert_eq!(picture(&mut window).await, (SELF_TRACK, 9));
}

#[tokio::test]
async fn the_window_asks_for_key_frames() {
    let (camera, mut requests) = Camera::new();
    let bench = Bench::new(Some(camera)).await;
    let mut window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    window.send(Message::text(r#"{"type":"key-frame","handle":7}"#)).await.unwrap();
    assert_eq!(asked(&mut requests).await, 7);
}

type Sizes = broadcast::Receiver<(u32, RenderedSize)>;

const SMALL: RenderedSize = RenderedSize { width: 320, height: 180 };

/// The window draws the track small, and the source gets the size.
async fn draws(window: &mut Window, handle: u32, sizes: &mut Sizes) {
    let request = format!(r#"{{"type":"rendered-size","handle":{handle},"width":320,"height":180}}"#);
    window.send(Message::text(request)).await.unwrap();
    assert_eq!(next_size(sizes).await, (handle, SMALL));
}

async fn next_size(sizes: &mut Sizes) -> (u32, RenderedSize) {
    timeout(PATIENCE, sizes.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_window_says_what_it_draws_until_it_goes() {
    let (camera, _requests) = Camera::new();
    let mut sizes = camera.sizes.subscribe();
    let bench = Bench::new(Some(camera)).await;
    let mut window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    draws(&mut window, 7, &mut sizes).await;
    draws(&mut window, 8, &mut sizes).await;
    drop(window);
    let mut hidden = [next_size(&mut sizes).await, next_size(&mut sizes).await];
    hidden.sort_by_key(|(handle, _)| *handle);
    assert_eq!(hidden, [(7, RenderedSize::HIDDEN), (8, RenderedSize::HIDDEN)]);
}

#[tokio::test]
async fn what_the_next_window_draws_stays_when_the_one_before_goes() {
    let (camera, _requests) = Camera::new();
    let mut sizes = camera.sizes.subscribe();
    let bench = Bench::new(Some(camera)).await;
    let mut before = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    draws(&mut before, 7, &mut sizes).await;
    draws(&mut before, 8, &mut sizes).await;
    let mut next = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    draws(&mut next, 7, &mut sizes).await;
    drop(before);
    assert_eq!(next_size(&mut sizes).await, (8, RenderedSize::HIDDEN));
    draws(&mut next, 9, &mut sizes).await;
}

#[tokio::test]
async fn only_our_window_gets_in_and_only_once() {
    let bench = Bench::new(None).await;
    let refused = async |url: &str, origin: Option<&str>, host: Option<&str>| {
        let Err(tungstenite::Error::Http(response)) = dial(url, origin, host).await else { return false };
        response.status() == StatusCode::FORBIDDEN
    };
    let url = bench.address.url();
    assert!(refused(&url, None, None).await, "no origin");
    assert!(refused(&url, Some("https://evil.example"), None).await, "a web page");
    assert!(refused(&url, Some("tauri://localhost.evil.example"), None).await);
    assert!(refused(&url, Some(ORIGIN), Some("rebound.example")).await, "a rebound name");
    let wrong = url.replace(PATH, "/media/0");
    assert!(refused(&wrong, Some(ORIGIN), None).await, "a guessed token");
    assert!(dial(&url, Some(ORIGIN), None).await.is_ok());
    assert!(refused(&url, Some(ORIGIN), None).await, "a used token");
}

#[tokio::test]
async fn a_window_outlives_a_call() {
    let (first, _requests) = Camera::new();
    let bench = Bench::new(None).await;
    let mut window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    for handle in [1, 2] {
        let (camera, _requests) = Camera::new();
        bench.current.send_replace(Some(camera.clone()));
        camera.send(handle, true, 5).await;
        assert_eq!(picture(&mut window).await, (handle, 5));
        bench.current.send_replace(None);
    }
    assert_eq!(first.frames.receiver_count(), 0);
}

#[tokio::test]
async fn rubbish_and_large_messages_end_the_connection() {
    let bench = Bench::new(None).await;
    for message in [
        Message::text("hello"),
        Message::binary(vec![1]),
        Message::text(format!(r#"{{"type":"key-frame","handle":7,"x":"{}"}}"#, "y".repeat(REQUEST_BYTES))),
    ] {
        let mut window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
        window.send(message).await.unwrap();
        let end = timeout(PATIENCE, window.next()).await.unwrap();
        assert!(!matches!(end, Some(Ok(Message::Binary(_) | Message::Text(_)))), "{end:?}");
    }
}

#[tokio::test]
async fn a_window_that_does_not_read_costs_a_bounded_queue() {
    let (camera, mut requests) = Camera::new();
    let bench = Bench::new(Some(camera.clone())).await;
    let window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    camera.send(1, true, 0).await;
    let data = Bytes::from(vec![0; 256 * 1024]);
    // More than the kernel's buffers take; the queue then drops to the next key frame, and asks for it.
    let flood = async {
        for timestamp in 1.. {
            let frame = EncodedFrame {
                data: data.clone(),
                codec: Codec::Vp8,
                key: false,
                timestamp,
                width: 0,
                height: 0,
                layer: FrameLayer::default(),
            };
            let _ = camera.frames.send(TrackFrame { handle: 1, frame });
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        () = flood => unreachable!(),
        handle = asked(&mut requests) => assert_eq!(handle, 1),
    }
    drop(window);
}

#[tokio::test]
async fn programs_that_say_nothing_do_not_keep_the_window_out() {
    let (camera, _requests) = Camera::new();
    let bench = Bench::new(Some(camera.clone())).await;
    let address = bench.address.address;
    // More than there are places, beside the window and before it.
    let mut silent = Vec::new();
    for _ in 0..2 * HANDSHAKES {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    let mut window = dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap();
    for _ in 0..2 * HANDSHAKES {
        silent.push(TcpStream::connect(address).await.unwrap());
    }
    camera.send(3, true, 1).await;
    assert_eq!(picture(&mut window).await, (3, 1), "and it stays");
    // The oldest of them are cut, so they cost no more than so many.
    let mut byte = [0];
    let cut = timeout(PATIENCE, tokio::io::AsyncReadExt::read(&mut silent[0], &mut byte)).await.unwrap();
    assert!(matches!(cut, Ok(0) | Err(_)), "{cut:?}");
}

#[tokio::test]
async fn a_window_that_reloads_often_gets_in_each_time() {
    let bench = Bench::new(None).await;
    let mut windows = Vec::new();
    for _ in 0..3 * WINDOWS {
        windows.push(dial(&bench.address.url(), Some(ORIGIN), None).await.unwrap());
    }
    let end = timeout(PATIENCE, windows[0].next()).await.unwrap();
    assert!(!matches!(end, Some(Ok(Message::Binary(_)))), "the oldest goes: {end:?}");
}
