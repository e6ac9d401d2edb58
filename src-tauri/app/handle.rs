//! The handle of the app's task: what the window's commands, the tray icon and the command line use.

use super::call_phase::LEAVE_TIMEOUT;
use super::command::{Answer, Command, Saved};
use super::join::{JOIN_TIMEOUT, JoinOptions};
use super::sources::Sources;
use super::subscribers::Listener;
use super::target::{room_target, shortened};
use super::task::AppTask;
use crate::hosting::{Hosting, HostingTask};
use crate::media::CurrentSource;
use crate::settings::Store;
use confab_call::{Call, DeviceLists, Rehearsal, Rehearsed};
use confab_ipc::{
    DeviceList, ErrorCode, Notice, Opening, RoomTarget, Settings, Snapshot, UiEvent, UserError, link_with_token,
};
use confab_wire::{media::Decoders, room::RoomLink};
use std::path::Path;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tracing::warn;

/// File of the embedded server's secret in the app's folder.
const SECRET_FILE: &str = "server.secret";
/// Commands that wait for the app's task.
const COMMANDS: usize = 32;
/// Longest time for any answer but that of joining and leaving.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Handle of the app's task; cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    commands: mpsc::Sender<Command>,
    call: watch::Receiver<Option<Call>>,
    decoders: watch::Receiver<Option<Decoders>>,
    sharing: watch::Receiver<bool>,
}

impl App {
    /// Makes the task and its handle; `data_dir` is where the embedded server keeps its secret. The receiver holds whose pictures
    /// are shown.
    pub fn new(
        settings: Store,
        sources: Sources,
        data_dir: &Path,
    ) -> (Self, AppTask, watch::Receiver<Option<CurrentSource>>) {
        Self::with_hosting(settings, sources, Hosting::keeping(data_dir.join(SECRET_FILE)))
    }

    pub(super) fn with_hosting(
        settings: Store,
        sources: Sources,
        hosting: (Hosting, HostingTask),
    ) -> (Self, AppTask, watch::Receiver<Option<CurrentSource>>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let task = AppTask::new(receiver, settings, sources, hosting);
        let published = task.published();
        let (call, decoders, sharing) =
            (published.call.subscribe(), published.decoders.subscribe(), published.sharing.subscribe());
        let source = published.source.subscribe();
        (Self { commands, call, decoders, sharing }, task, source)
    }

    /// Sends a window all events from now on, a snapshot first; the snapshot is also the answer. `decoders`: what the
    /// window decodes, for calls that begin from now on.
    pub async fn subscribe(
        &self,
        window: String,
        decoders: Decoders,
        listener: Listener,
    ) -> Result<Snapshot, UserError> {
        self.ask(ANSWER_TIMEOUT, |answer| Command::Subscribe(window, decoders, listener, answer)).await
    }

    /// Waits for the first window: only with it is it known what can be decoded. False if the app ended without one.
    pub async fn window(&self) -> bool {
        self.decoders.clone().wait_for(Option::is_some).await.is_ok()
    }

    /// True while one shares something in a call.
    pub fn sharing(&self) -> watch::Receiver<bool> {
        self.sharing.clone()
    }

    /// Starts a call in a new room, on the server of the settings or on the embedded one.
    pub async fn start(&self, name: String, options: JoinOptions) -> Result<(), UserError> {
        self.ask(JOIN_TIMEOUT + ANSWER_TIMEOUT, |answer| Command::Start(name, options, answer)).await?
    }

    /// Joins a room. `Ok` also if one left before it was joined.
    pub async fn join(&self, link: RoomLink, name: String, options: JoinOptions) -> Result<(), UserError> {
        self.ask(JOIN_TIMEOUT + ANSWER_TIMEOUT, |answer| Command::Join(link, name, options, answer)).await?
    }

    /// Leaves the call, or stops joining it. Without a call nothing happens.
    pub async fn leave(&self) -> Result<(), UserError> {
        self.ask(LEAVE_TIMEOUT + ANSWER_TIMEOUT, Command::Leave).await
    }

    /// The call one is in. It is read where the app's task publishes it: what is asked of the call does not wait for that
    /// task. Fails with `NotInCall`.
    pub fn call(&self) -> Result<Call, UserError> {
        self.call.borrow().clone().ok_or_else(|| ErrorCode::NotInCall.into())
    }

    /// The settings.
    pub async fn settings(&self) -> Result<Settings, UserError> {
        self.ask(ANSWER_TIMEOUT, Command::Settings).await
    }

    /// Checks and saves settings; the answer is what was saved. Devices and sound change in the call or the rehearsal that
    /// runs, too, and do not wait for the disk.
    pub async fn save_settings(&self, settings: Settings) -> Result<Settings, UserError> {
        let Saved { settings, selection, save } =
            self.ask(ANSWER_TIMEOUT, |answer| Command::SaveSettings(settings, answer)).await??;
        match self.call() {
            Ok(call) => {
                call.set_processing(settings.processing);
                call.set_devices(selection).await;
            }
            Err(_) => {
                if let Some(test) = self.rehearsal(false).await? {
                    test.set_processing(settings.processing);
                    test.set_devices(selection).await;
                }
            }
        }
        save.outcome().await?;
        Ok(settings)
    }

    /// Tries devices without sending anything, in a call or outside of one.
    pub async fn rehearse(&self, tried: Rehearsed) -> Result<(), UserError> {
        match self.call() {
            Ok(call) => call.rehearse(tried).await,
            Err(_) => {
                // Between the two, while a call is being joined, nothing is tried.
                if let Some(test) = self.rehearsal(true).await? {
                    test.rehearse(tried).await;
                }
            }
        }
        Ok(())
    }

    /// Gives back what was tried; returns when the devices are free.
    pub async fn stop_rehearsal(&self) -> Result<(), UserError> {
        if let Ok(call) = self.call() {
            call.rehearse(Rehearsed::default()).await;
        }
        if let Some(test) = self.ask(ANSWER_TIMEOUT, Command::StopRehearsal).await? {
            test.stop().await;
        }
        Ok(())
    }

    async fn rehearsal(&self, start: bool) -> Result<Option<Rehearsal>, UserError> {
        self.ask(ANSWER_TIMEOUT, |answer| Command::Rehearsal(start, answer)).await
    }

    /// Plays a short sound on the speaker of the call, or of the settings outside of one; returns when it has ended.
    pub async fn play_test_sound(&self) -> Result<(), UserError> {
        if let Ok(call) = self.call() {
            return call.play_test_sound().await;
        }
        confab_call::play_test_sound(self.ask(ANSWER_TIMEOUT, Command::Speaker).await?).await
    }

    /// The devices there are; changes are reported from now on, for a while.
    pub async fn devices(&self) -> Result<DeviceList, UserError> {
        let watch = DeviceLists::start()?;
        let list = watch.known().await;
        self.send(Command::WatchDevices(watch)).await;
        Ok(list)
    }

    /// The room to which a text leads.
    pub async fn find_room(&self, text: &str) -> Result<RoomTarget, UserError> {
        let link = text.parse()?;
        Ok(room_target(&link, &self.settings().await?))
    }

    /// Offers what the system was asked to open to the person, who decides.
    pub async fn open(&self, text: &str) {
        let opening = match self.find_room(text).await {
            Ok(room) => Opening { text: room.link.clone(), room: Some(room), ..Opening::default() },
            Err(error) => Opening { text: shortened(text), error: Some(error), ..Opening::default() },
        };
        self.emit(UiEvent::OpenLink { opening }).await;
    }

    /// Joins the room of a link, or starts a call without one, as the command line says. What does not work is left to the person
    /// in the window.
    pub async fn begin(&self, join: Option<String>, name: Option<String>, token: Option<String>) {
        let settings = self.settings().await.unwrap_or_default();
        let options = JoinOptions { mic: settings.mic_on, camera: settings.camera_on };
        let mut opening = Opening { text: shortened(join.as_deref().unwrap_or_default()), name, ..Opening::default() };
        let name = opening.name.clone().unwrap_or_else(|| settings.name.clone());
        let begun = match join.as_deref().map(|text| link_with_token(text, token.as_deref())) {
            Some(Err(error)) => Err(error),
            Some(Ok(link)) => {
                // Whoever wrote the command chose the server.
                opening.room = Some(RoomTarget { known: true, ..room_target(&link, &settings) });
                // Without a name it is the person who joins.
                if name.trim().is_empty() {
                    return self.emit(UiEvent::OpenLink { opening }).await;
                }
                self.join(link, name, options).await
            }
            None => self.start(name, options).await,
        };
        if let Err(error) = begun {
            warn!(code = ?error.code, "the call of the command line did not begin");
            opening.error = Some(error);
            self.emit(UiEvent::OpenLink { opening }).await;
        }
    }

    /// The page of this window is gone, and will subscribe anew: what happens meanwhile waits for it.
    pub async fn window_lost(&self, window: &str) {
        self.send(Command::WindowLost(window.to_owned())).await;
    }

    /// Shows an error that is not the answer to a command.
    pub async fn notice(&self, error: UserError) {
        self.emit(UiEvent::Notice { notice: Notice { urgent: true, error } }).await;
    }

    /// Leaves, writes the settings, stops the embedded server and ends the task; bounded by the times for leaving and
    /// answering.
    pub async fn close(&self) {
        // An app that does not answer is closed all the same.
        let _ = self.ask(LEAVE_TIMEOUT + ANSWER_TIMEOUT, Command::Close).await;
    }

    async fn emit(&self, event: UiEvent) {
        self.send(Command::Emit(Box::new(event))).await;
    }

    async fn send(&self, command: Command) {
        if self.commands.send(command).await.is_err() {
            warn!("an event came after the end of the app");
        }
    }

    async fn ask<T>(&self, limit: Duration, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, UserError> {
        let (answer, answered) = oneshot::channel();
        let asked = async {
            self.commands.send(command(answer)).await.ok()?;
            answered.await.ok()
        };
        let internal = |why: &str| UserError::with_detail(ErrorCode::Internal, why);
        timeout(limit, asked)
            .await
            .map_err(|_| internal("the app's task did not answer in time"))?
            .ok_or_else(|| internal("the app's task has ended"))
    }
}
