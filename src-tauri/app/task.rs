//! The app as one task: at most one call, the settings, the embedded server, and who hears of them.
//!
//! [`App`] is its handle. The task never waits for a call's task without also taking that call's events, since the call
//! waits for its events to be taken.

use super::device_changes::DeviceChanges;
use super::device_test::DeviceTest;
use super::sources::{JoinOptions, Sources};
use super::subscribers::{Listener, Subscribers};
use crate::hosting::{Hosting, RoomAddress};
use crate::media::CurrentSource;
use crate::options;
use crate::settings::Store;
use confab_call::{AudioSink, Call, CallConfig, CallEvents, DeviceSelection, DeviceWatch, Rehearsal, Rehearsed};
use confab_ipc::{CallState, DeviceList, ErrorCode, Notice, Settings, Snapshot, UiEvent, UserError};
use confab_wire::{
    media::Decoders,
    room::{RoomId, RoomLink, parse_server},
};
use std::future;
use std::pin::pin;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

/// Commands that wait for the app's task.
const COMMANDS: usize = 32;
/// Longest time that joining may take: the server, the room and the devices.
const JOIN_TIMEOUT: Duration = Duration::from_secs(40);
/// Longest time for a polite leave; then the call is dropped.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for any other answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

type Answer<T> = oneshot::Sender<T>;

/// What was saved, and the devices that follow from it.
type Saved = Result<(Settings, DeviceSelection), UserError>;

enum Command {
    Subscribe(String, Decoders, Listener, Answer<Snapshot>),
    Start(String, JoinOptions, Answer<Result<(), UserError>>),
    Join(RoomLink, String, JoinOptions, Answer<Result<(), UserError>>),
    Leave(Answer<()>),
    Call(Answer<Option<Call>>),
    Settings(Answer<Settings>),
    SaveSettings(Settings, Answer<Saved>),
    /// A rehearsal outside of a call: started if wished; none in a call.
    Rehearsal(bool, Answer<Option<Rehearsal>>),
    StopRehearsal(Answer<Option<Rehearsal>>),
    Speaker(Answer<AudioSink>),
    LookAtDevices(DeviceWatch),
    Tell(Box<UiEvent>),
    Close(Answer<()>),
}

/// Handle of the app's task; cheap to clone.
#[derive(Debug, Clone)]
pub struct App {
    commands: mpsc::Sender<Command>,
    decoders: watch::Receiver<Option<Decoders>>,
    sharing: watch::Receiver<bool>,
}

impl App {
    /// Makes the task and its handle. The receiver holds whose pictures are shown.
    pub fn new(settings: Store, sources: Sources) -> (Self, AppTask, watch::Receiver<Option<CurrentSource>>) {
        let (commands, receiver) = mpsc::channel(COMMANDS);
        let (current, calls) = watch::channel(None);
        let (known, decoders) = watch::channel(None);
        let (shares, sharing) = watch::channel(false);
        let task = AppTask {
            commands: receiver,
            settings,
            sources,
            subscribers: Subscribers::default(),
            phase: Phase::Idle,
            state: CallState::Idle,
            hosting: Hosting::default(),
            current,
            device_test: DeviceTest::default(),
            device_changes: DeviceChanges::default(),
            decoders: known,
            sharing: shares,
        };
        (Self { commands, decoders, sharing }, task, calls)
    }

    /// Lets a window hear all events from now on, a snapshot first; the snapshot is also the answer. `decoders`: what the
    /// window decodes, for calls that begin from now on.
    pub async fn subscribe(
        &self,
        window: String,
        decoders: Decoders,
        listener: Listener,
    ) -> Result<Snapshot, UserError> {
        self.ask(ANSWER_TIMEOUT, |answer| Command::Subscribe(window, decoders, listener, answer)).await
    }

    /// Waits for the first window: before it nobody knows what a call could show. False if the app ended without one.
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

    /// The call one is in. Fails with `NotInCall`.
    pub async fn call(&self) -> Result<Call, UserError> {
        self.ask(ANSWER_TIMEOUT, Command::Call).await?.ok_or_else(|| ErrorCode::NotInCall.into())
    }

    /// The settings.
    pub async fn settings(&self) -> Result<Settings, UserError> {
        self.ask(ANSWER_TIMEOUT, Command::Settings).await
    }

    /// Checks and saves settings; the answer is what was saved. Devices and sound change in the call or the rehearsal that
    /// runs, too.
    pub async fn save_settings(&self, settings: Settings) -> Result<Settings, UserError> {
        let (saved, choice) = self.ask(ANSWER_TIMEOUT, |answer| Command::SaveSettings(settings, answer)).await??;
        match self.call().await {
            Ok(call) => {
                call.set_processing(saved.processing);
                call.set_devices(choice).await;
            }
            Err(_) => {
                if let Some(rehearsal) = self.rehearsal(false).await? {
                    rehearsal.set_processing(saved.processing);
                    rehearsal.set_devices(choice).await;
                }
            }
        }
        Ok(saved)
    }

    /// Tries devices without sending anything, in a call or outside of one.
    pub async fn rehearse(&self, tried: Rehearsed) -> Result<(), UserError> {
        match self.call().await {
            Ok(call) => call.rehearse(tried).await,
            Err(_) => {
                // Between the two, while a call is being joined, nothing is tried.
                if let Some(rehearsal) = self.rehearsal(true).await? {
                    rehearsal.rehearse(tried).await;
                }
            }
        }
        Ok(())
    }

    /// Gives back what was tried; returns when the devices are free.
    pub async fn stop_rehearsal(&self) -> Result<(), UserError> {
        if let Ok(call) = self.call().await {
            call.rehearse(Rehearsed::default()).await;
        }
        if let Some(rehearsal) = self.ask(ANSWER_TIMEOUT, Command::StopRehearsal).await? {
            rehearsal.stop().await;
        }
        Ok(())
    }

    async fn rehearsal(&self, start: bool) -> Result<Option<Rehearsal>, UserError> {
        self.ask(ANSWER_TIMEOUT, |answer| Command::Rehearsal(start, answer)).await
    }

    /// Plays a short sound on the speaker of the call, or of the settings outside of one; returns when it has ended.
    pub async fn play_test_sound(&self) -> Result<(), UserError> {
        if let Ok(call) = self.call().await {
            return call.play_test_sound().await;
        }
        confab_call::play_test_sound(self.ask(ANSWER_TIMEOUT, Command::Speaker).await?).await
    }

    /// The devices there are; changes are told from now on, for a while.
    pub async fn devices(&self) -> Result<DeviceList, UserError> {
        let watch = DeviceWatch::start()?;
        let list = watch.known().await;
        self.send(Command::LookAtDevices(watch)).await;
        Ok(list)
    }

    /// Offers a link to the person, who decides.
    pub async fn open_link(&self, link: &RoomLink) {
        self.tell(UiEvent::OpenLink { link: link.to_string() }).await;
    }

    /// Says something that is not the answer to a command.
    pub async fn notice(&self, error: UserError) {
        self.tell(UiEvent::Notice { notice: Notice { urgent: true, error } }).await;
    }

    /// Leaves, stops the embedded server and ends the task; bounded by [`LEAVE_TIMEOUT`] and [`ANSWER_TIMEOUT`].
    pub async fn close(&self) {
        // An app that does not answer is closed all the same.
        let _ = self.ask(LEAVE_TIMEOUT + ANSWER_TIMEOUT, Command::Close).await;
    }

    async fn tell(&self, event: UiEvent) {
        self.send(Command::Tell(Box::new(event))).await;
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

type Joined = Result<(Call, CallEvents), UserError>;

struct Joining {
    task: AbortOnDropHandle<Joined>,
    link: RoomLink,
    name: String,
    answer: Answer<Result<(), UserError>>,
}

struct Active {
    call: Call,
    events: CallEvents,
    leaving: Option<Leaving>,
}

struct Leaving {
    deadline: Instant,
    answers: Vec<Answer<()>>,
    _task: AbortOnDropHandle<()>,
}

enum Phase {
    Idle,
    Joining(Joining),
    InCall(Active),
}

enum Progress {
    Joined(Joined),
    Event(Box<UiEvent>),
    Ended,
}

impl Phase {
    /// What happens next by itself. Safe to drop before it is done.
    async fn progress(&mut self) -> Progress {
        match self {
            Phase::Idle => future::pending().await,
            Phase::Joining(joining) => Progress::Joined((&mut joining.task).await.unwrap_or_else(|error| {
                Err(UserError::with_detail(ErrorCode::Internal, format!("joining ended early: {error}")))
            })),
            Phase::InCall(Active { events, leaving, .. }) => {
                let event = match leaving {
                    Some(Leaving { deadline, .. }) => timeout_at(*deadline, events.recv()).await.unwrap_or_else(|_| {
                        warn!("the call took too long to leave");
                        None
                    }),
                    None => events.recv().await,
                };
                event.map_or(Progress::Ended, |event| Progress::Event(Box::new(event)))
            }
        }
    }
}

/// The task behind [`App`].
pub struct AppTask {
    commands: mpsc::Receiver<Command>,
    settings: Store,
    sources: Sources,
    subscribers: Subscribers,
    phase: Phase,
    state: CallState,
    hosting: Hosting,
    current: watch::Sender<Option<CurrentSource>>,
    device_test: DeviceTest,
    device_changes: DeviceChanges,
    /// What the window decodes; `None` before there was one.
    decoders: watch::Sender<Option<Decoders>>,
    sharing: watch::Sender<bool>,
}

impl AppTask {
    /// Runs until [`App::close`] or until the last handle is gone.
    pub async fn run(mut self) {
        let closed = loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Close(answer)) => break Some(answer),
                    Some(command) => self.handle(command).await,
                    None => break None,
                },
                progress = self.phase.progress() => self.advance(progress).await,
                event = self.device_test.event() => self.subscribers.send(event),
                devices = self.device_changes.next() => self.subscribers.send(UiEvent::Devices { devices }),
            }
        };
        self.finish().await;
        if let Some(answer) = closed {
            let _ = answer.send(());
        }
    }

    // An answer that nobody waits for any more is no fault: `send` of a oneshot is not checked here.
    async fn handle(&mut self, command: Command) {
        match command {
            Command::Subscribe(window, decoders, listener, answer) => {
                self.decoders.send_replace(Some(decoders));
                let snapshot = self.snapshot().await;
                self.subscribers.add(window, listener, snapshot.clone());
                let _ = answer.send(snapshot);
            }
            Command::Start(name, options, answer) => {
                let way = self.new_room().await;
                self.enter(way, name, options, answer);
            }
            Command::Join(link, name, options, answer) => {
                let way = self.way(link).await;
                self.enter(way, name, options, answer);
            }
            Command::Leave(answer) => self.leave(answer),
            Command::Call(answer) => drop(answer.send(match &self.phase {
                Phase::InCall(Active { call, leaving: None, .. }) => Some(call.clone()),
                _ => None,
            })),
            Command::Settings(answer) => drop(answer.send(self.settings.get().clone())),
            Command::SaveSettings(settings, answer) => {
                let saved = self.settings.replace(settings).await;
                self.tell_settings();
                let settings = self.settings.get();
                let choice = self.sources.with(settings).choice();
                let _ = answer.send(saved.map(|()| (settings.clone(), choice)));
            }
            Command::Rehearsal(start, answer) => drop(answer.send(self.rehearsal(start))),
            Command::StopRehearsal(answer) => drop(answer.send(self.end_rehearsal())),
            Command::Speaker(answer) => drop(answer.send(self.sources.with(self.settings.get()).speaker)),
            Command::LookAtDevices(watch) => self.device_changes.watch(watch),
            Command::Tell(event) => self.subscribers.send(*event),
            // Taken by `run`.
            Command::Close(answer) => drop(answer),
        }
    }

    async fn advance(&mut self, progress: Progress) {
        match progress {
            Progress::Joined(Ok((call, events))) => self.joined(call, events).await,
            Progress::Joined(Err(error)) => {
                info!(code = ?error.code, "could not join");
                if let Phase::Joining(joining) = std::mem::replace(&mut self.phase, Phase::Idle) {
                    let _ = joining.answer.send(Err(error));
                }
                self.set_state(CallState::Idle);
            }
            Progress::Event(event) => self.forward(*event),
            Progress::Ended => self.ended(),
        }
    }

    fn must_be_idle(&self) -> Result<(), UserError> {
        if matches!(self.phase, Phase::Idle) { Ok(()) } else { Err(ErrorCode::AlreadyInCall.into()) }
    }

    /// Where to start a call: on the server of the settings or on the embedded one.
    async fn new_room(&mut self) -> Result<RoomAddress, UserError> {
        self.must_be_idle()?;
        match &self.settings.get().server {
            Some(server) => {
                Ok(RoomAddress { link: RoomLink::new(&parse_server(server)?, RoomId::random())?, connect: None })
            }
            None => self.hosting.new_room().await,
        }
    }

    /// How to get to the room of `link`.
    async fn way(&mut self, link: RoomLink) -> Result<RoomAddress, UserError> {
        self.must_be_idle()?;
        let text = link.to_string();
        let remembered = self.settings.get().recent.iter().any(|room| room.link == text);
        Ok(self.hosting.address(link, remembered).await)
    }

    /// The rehearsal that runs outside of a call, started if it is wished.
    fn rehearsal(&mut self, start: bool) -> Option<Rehearsal> {
        if !start || !matches!(self.phase, Phase::Idle) {
            return self.device_test.get().cloned();
        }
        let settings = self.settings.get();
        let Sources { audio, video, .. } = self.sources.with(settings);
        let begin = || Rehearsal::start(audio, video, settings.processing);
        let rehearsal = self.device_test.get_or_start(begin).clone();
        self.current.send_if_modified(|shown| {
            let fresh = shown.is_none();
            shown.get_or_insert_with(|| CurrentSource::DeviceTest(rehearsal.clone()));
            fresh
        });
        Some(rehearsal)
    }

    /// Takes the rehearsal out; whoever gets it stops it.
    fn end_rehearsal(&mut self) -> Option<Rehearsal> {
        let ended = self.device_test.take()?;
        self.current.send_replace(None);
        Some(ended)
    }

    /// Begins to join, if there is a way and a name. What is tried is given back before: a camera can be had only once.
    fn enter(
        &mut self,
        way: Result<RoomAddress, UserError>,
        name: String,
        options: JoinOptions,
        answer: Answer<Result<(), UserError>>,
    ) {
        let checked = way.and_then(|way| Ok((way, options::name(&name)?)));
        let (RoomAddress { link, connect }, name) = match checked {
            Ok(checked) => checked,
            Err(error) => return drop(answer.send(Err(error))),
        };
        let Sources { video, audio, speaker } = self.sources.with(self.settings.get());
        let rehearsal = self.end_rehearsal();
        let decoders = self.decoders.borrow().unwrap_or_default();
        let processing = self.settings.get().processing;
        let config = CallConfig {
            connect,
            video,
            audio,
            processing,
            speaker,
            decoders,
            mic_on: options.mic,
            camera_on: options.camera,
            ..CallConfig::new(link.clone(), name.clone())
        };
        let join = async move {
            if let Some(rehearsal) = rehearsal {
                rehearsal.stop().await;
            }
            Call::join(config).await
        };
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            timeout(JOIN_TIMEOUT, join)
                .await
                .unwrap_or_else(|_| Err(UserError::with_detail(ErrorCode::ServerUnreachable, "no answer in time")))
        }));
        self.phase = Phase::Joining(Joining { task, link, name, answer });
        self.set_state(CallState::Joining);
    }

    async fn joined(&mut self, call: Call, events: CallEvents) {
        let active = Active { call: call.clone(), events, leaving: None };
        let Phase::Joining(joining) = std::mem::replace(&mut self.phase, Phase::InCall(active)) else { return };
        self.state = CallState::InCall;
        self.current.send_replace(Some(CurrentSource::Call(call)));
        if let Err(error) = self.settings.remember(&joining.name, &joining.link, now_ms()).await {
            self.subscribers.send(UiEvent::Notice { notice: Notice { urgent: false, error } });
        }
        let snapshot = self.snapshot().await;
        self.subscribers.send(UiEvent::Snapshot { snapshot: Box::new(snapshot) });
        let _ = joining.answer.send(Ok(()));
    }

    fn leave(&mut self, answer: Answer<()>) {
        match &mut self.phase {
            Phase::Idle => drop(answer.send(())),
            Phase::Joining(_) => {
                // Dropping the task ends it. Whoever asked to join also asked to stop: no error for them.
                if let Phase::Joining(joining) = std::mem::replace(&mut self.phase, Phase::Idle) {
                    let _ = joining.answer.send(Ok(()));
                }
                self.set_state(CallState::Idle);
                let _ = answer.send(());
            }
            Phase::InCall(Active { leaving: Some(leaving), .. }) => leaving.answers.push(answer),
            Phase::InCall(active) => {
                let call = active.call.clone();
                let task = AbortOnDropHandle::new(tokio::spawn(async move { call.leave().await }));
                let deadline = Instant::now() + LEAVE_TIMEOUT;
                active.leaving = Some(Leaving { deadline, answers: vec![answer], _task: task });
            }
        }
    }

    /// The call's events have ended, or took too long to.
    fn ended(&mut self) {
        self.set_sharing(false);
        self.current.send_replace(None);
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        self.set_state(CallState::Idle);
        if let Phase::InCall(Active { leaving: Some(leaving), .. }) = phase {
            for answer in leaving.answers {
                let _ = answer.send(());
            }
        }
    }

    fn forward(&mut self, event: UiEvent) {
        match event {
            // `ended` says it, when the next call can begin.
            UiEvent::CallState { state: CallState::Idle } => {}
            UiEvent::CallState { state } => self.set_state(state),
            event => {
                if let UiEvent::Me { me } = &event {
                    self.set_sharing(me.share.is_some());
                }
                self.subscribers.send(event);
            }
        }
    }

    fn set_sharing(&self, now: bool) {
        self.sharing.send_if_modified(|before| std::mem::replace(before, now) != now);
    }

    fn set_state(&mut self, state: CallState) {
        self.state = state;
        self.subscribers.send(UiEvent::CallState { state });
    }

    fn tell_settings(&mut self) {
        self.subscribers.send(UiEvent::Settings { settings: self.settings.get().clone() });
    }

    /// Everything. What the call says until its view is there goes to those who listen already.
    async fn snapshot(&mut self) -> Snapshot {
        let mut before = Vec::new();
        let call = match &mut self.phase {
            Phase::InCall(active) => {
                let call = active.call.clone();
                let mut view = pin!(timeout(ANSWER_TIMEOUT, call.view()));
                // The view first: an event that is newer than the view must not be told before it.
                loop {
                    tokio::select! {
                        biased;
                        view = &mut view => break view.ok().flatten(),
                        Some(event) = active.events.recv() => before.push(event),
                    }
                }
            }
            _ => None,
        };
        before.into_iter().for_each(|event| self.forward(event));
        Snapshot {
            state: self.state,
            call,
            settings: self.settings.get().clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    async fn finish(&mut self) {
        let (answer, _) = oneshot::channel();
        self.leave(answer);
        while matches!(self.phase, Phase::InCall(_)) {
            let progress = self.phase.progress().await;
            self.advance(progress).await;
        }
        self.hosting.stop().await;
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
