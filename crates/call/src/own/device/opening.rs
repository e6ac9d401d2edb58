//! Opening microphones and cameras beside the call's task: the chosen one, or the next best.

use crate::own::device::preferred;
use crate::own::device::slot::released;
use crate::own::device::watched::Listing;
use crate::{AudioSource, VideoConfig, VideoSource};
use confab_ipc::{Device, DeviceKind, DeviceList, UserError};
use confab_media::{AudioCapture, VideoCapture, VideoEvent, Voice};
use confab_wire::media::{AudioPacket, VideoDemand};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long one waits for the first picture of a camera before the one it takes over from is let go.
const FIRST_PICTURE: Duration = Duration::from_secs(3);

/// A device that works: which one it is, if the computer names it, and the list it was chosen from.
#[derive(Debug)]
pub struct Found {
    pub device: Option<Device>,
    pub list: DeviceList,
}

/// An open microphone.
pub struct Mic {
    pub found: Found,
    pub capture: AudioCapture,
    pub packets: mpsc::Receiver<AudioPacket>,
}

/// An open camera.
pub struct Camera {
    pub found: Found,
    pub capture: VideoCapture,
    pub events: mpsc::Receiver<VideoEvent>,
    /// What was taken off `events` already.
    pub first: Option<VideoEvent>,
}

/// A microphone to be opened.
pub struct MicWish {
    pub source: AudioSource,
    pub voice: Voice,
    pub listing: Listing,
    /// To be waited for: others are being released.
    pub after: JoinSet<()>,
    /// The one before ended by itself: it may be known still, and gone.
    pub looks: bool,
}

/// Opens a source of sound.
pub async fn mic(wish: MicWish) -> Result<Mic, UserError> {
    let MicWish { source, voice, listing, mut after, looks } = wish;
    released(&mut after).await;
    let AudioSource::Mic(wanted) = source else {
        return open_mic(source, voice, Found { device: None, list: DeviceList::default() }).await;
    };
    let list = if looks { listing.look_for_sound().await } else { listing.known().await };
    let device = confab_media::choose(&list, DeviceKind::Microphone, wanted.as_deref()).cloned();
    let name = preferred::name(device.as_ref(), wanted.as_deref());
    open_mic(AudioSource::Mic(name), voice, Found { device, list }).await
}

async fn open_mic(source: AudioSource, voice: Voice, found: Found) -> Result<Mic, UserError> {
    let (capture, packets) = AudioCapture::start_voice(source, voice).await?;
    Ok(Mic { found, capture, packets })
}

/// A camera to be opened.
pub struct CameraWish {
    pub source: VideoSource,
    pub config: VideoConfig,
    pub demand: watch::Receiver<VideoDemand>,
    pub listing: Listing,
    /// To be waited for: other cameras are being released, and one can be had only once.
    pub after: JoinSet<()>,
    /// Another camera runs until this one gives pictures.
    pub takes_over: bool,
}

/// Opens a source of pictures. A camera that is busy or broken is passed over for another, unless it was chosen.
pub async fn camera(mut wish: CameraWish) -> Result<Camera, UserError> {
    released(&mut wish.after).await;
    let start = async |source: VideoSource| VideoCapture::start(source, wish.config, wish.demand.clone()).await;
    let mut list = DeviceList::default();
    let (device, (capture, mut events)) = match wish.source {
        VideoSource::Camera(wanted) => {
            // A camera that was just unplugged may still be known.
            list = wish.listing.look_for_cameras().await;
            let mut candidates = candidates(&list, wanted.as_deref()).into_iter();
            let mut device = candidates.next();
            loop {
                let name = preferred::name(device.as_ref(), wanted.as_deref());
                match (start(VideoSource::Camera(name)).await, candidates.next()) {
                    (Ok(opened), _) => break (device, opened),
                    (Err(_), Some(next)) => device = Some(next),
                    (Err(error), None) => return Err(error),
                }
            }
        }
        source => (None, start(source).await?),
    };
    let waits = wish.takes_over && wish.demand.borrow().wanted();
    let first = if waits { timeout(FIRST_PICTURE, events.recv()).await.ok().flatten() } else { None };
    Ok(Camera { found: Found { device, list }, capture, events, first })
}

/// The cameras to try, in order: the chosen one alone if it is there.
fn candidates(list: &DeviceList, wanted: Option<&str>) -> Vec<Device> {
    if let Some(chosen) = wanted.and_then(|wanted| confab_media::called(&list.cameras, wanted)) {
        return vec![chosen.clone()];
    }
    let best = confab_media::choose(list, DeviceKind::Camera, None);
    let others = list.cameras.iter().filter(|camera| Some(*camera) != best);
    best.into_iter().chain(others).cloned().collect()
}
