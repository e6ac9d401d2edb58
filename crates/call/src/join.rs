//! The way into a call: the room is entered, the components are made, and their task begins.

use crate::call::Call;
use crate::config::CallConfig;
use crate::own::camera::OwnWindow;
use crate::own::devices::{OwnDevices, OwnSources};
use crate::own::preview::PreviewSwitch;
use crate::own::speaker::Speaker;
use crate::remote::tracks::{ReceiverConfig, RemoteTracks};
use crate::report::event_queue::{CallEvents, event_queue};
use crate::report::statistics::{Collect, Statistics};
use crate::room::session;
use crate::task::{CallParts, CallTask};
use crate::track_frame::FRAMES;
use confab_ipc::{CallState, ErrorCode, Notice, UiEvent, UserError};
use confab_media::{FarEnd, MicrophoneProcessing};
use confab_rtcio::Socket;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::timeout;

/// Commands that wait for the call's task.
const COMMANDS: usize = 64;
/// How long the reader of the events may take for each of the last ones of a call whose task failed.
const LAST_EVENT: Duration = Duration::from_secs(10);

impl Call {
    /// Joins the room of `config.link` and opens the devices. A device that fails is a state in the view, not an error
    /// here; the errors are those of reaching the server and the room.
    pub async fn join(config: CallConfig) -> Result<(Call, CallEvents), UserError> {
        Self::join_with(config, |socket| {
            let socket = socket.clone();
            Arc::new(move || {
                let socket = socket.clone();
                Box::pin(async move { socket.peer_stats().await })
            })
        })
        .await
    }

    /// As [`join`](Self::join), with another source of the connections' statistics.
    pub(crate) async fn join_with(
        config: CallConfig,
        statistics: impl FnOnce(&Socket) -> Collect,
    ) -> Result<(Call, CallEvents), UserError> {
        let config = config.checked()?;
        let far_end = FarEnd::default();
        let (entered, speaker) = tokio::join!(session::enter(&config), Speaker::open(config.speaker.clone(), &far_end));
        let (socket, engine, joined) = entered?;
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (events, call_events) = event_queue();
        let (frames, _) = broadcast::channel(FRAMES);
        let bypass = events.bypass();
        let preview = PreviewSwitch::default();
        let processing = watch::Sender::new(config.processing);
        let microphone_processing = MicrophoneProcessing { processing: processing.subscribe(), far_end };
        let sources =
            OwnSources { audio: config.audio.clone(), video: config.video.clone(), video_config: config.video_config };
        let window = OwnWindow { preview: preview.clone(), frames: frames.clone() };
        let parts = CallParts {
            statistics: Statistics::new(statistics(&socket)),
            socket,
            engine,
            joined,
            devices: OwnDevices::new(sources, microphone_processing, window),
            speaker,
            remote: RemoteTracks::new(ReceiverConfig {
                window: frames.clone(),
                record: config.record.clone(),
                decode: config.decode,
                compare: config.compare,
            }),
            events,
            preview: preview.clone(),
        };
        let task = tokio::spawn(CallTask::new(&config, parts).run(receiver));
        tokio::spawn(async move {
            if let Err(error) = task.await {
                tracing::error!(%error, "the task of the call failed");
                say_failure(UserError::with_detail(ErrorCode::Internal, error), bypass).await;
            }
        });
        Ok((Call::new(commands, frames, preview, processing), call_events))
    }
}

/// The last events of a call whose task failed. What it held (devices, connections) is released with it.
async fn say_failure(error: UserError, events: mpsc::Sender<UiEvent>) {
    let notice = UiEvent::Notice { notice: Notice { urgent: true, error } };
    for event in [notice, UiEvent::CallState { state: CallState::Idle }] {
        if timeout(LAST_EVENT, events.send(event)).await.is_err() {
            tracing::warn!("nobody reads how the call ended");
        }
    }
}
