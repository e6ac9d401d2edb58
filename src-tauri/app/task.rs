//! The app's task: takes commands and the events of the call, and sends the windows what changed.
//!
//! Nothing is awaited between two things it takes, so a command is never behind a disk, a server or a call that hangs. What takes
//! long has a task of its own: joining, leaving, writing the settings, the embedded server.

use super::call_phase::{Active, Joining, Phase, Progress, Recipient};
use super::command::{Answer, Command, Saved};
use super::device_changes::DeviceChanges;
use super::join::{Destination, JoinOptions, Joined, join};
use super::rehearsal::RunningRehearsal;
use super::sources::Sources;
use super::subscribers::Subscribers;
use crate::hosting::{Hosting, HostingTask, RoomAddress};
use crate::media::CurrentSource;
use crate::settings::Store;
use confab_call::{Call, CallConfig, Rehearsal};
use confab_ipc::{CallState, CallView, ErrorCode, Notice, Snapshot, UiEvent, UserError};
use confab_wire::{
    media::Decoders,
    name,
    room::{RoomId, RoomLink, Token, parse_server},
};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

/// What is read without asking the task.
#[derive(Debug, Default)]
pub struct Published {
    /// The call one is in, until one leaves it.
    pub call: watch::Sender<Option<Call>>,
    /// Where the pictures come from.
    pub source: watch::Sender<Option<CurrentSource>>,
    /// What the window decodes; `None` before there was one.
    pub decoders: watch::Sender<Option<Decoders>>,
    /// One shares something in a call.
    pub sharing: watch::Sender<bool>,
}

/// The task behind [`App`](super::App), before it runs.
pub struct AppTask {
    state: State,
    hosting: HostingTask,
}

/// What the task owns.
struct State {
    commands: mpsc::Receiver<Command>,
    settings: Store,
    sources: Sources,
    subscribers: Subscribers,
    phase: Phase,
    call_state: CallState,
    hosting: Hosting,
    rehearsal: RunningRehearsal,
    device_changes: DeviceChanges,
    published: Published,
    /// Of rooms that were joined.
    saves: JoinSet<Result<(), UserError>>,
    /// Turns off what nobody sees the state of.
    aside: JoinSet<()>,
}

impl AppTask {
    pub(super) fn new(
        commands: mpsc::Receiver<Command>,
        settings: Store,
        sources: Sources,
        (hosting, hosting_task): (Hosting, HostingTask),
    ) -> Self {
        let state = State {
            commands,
            settings,
            sources,
            subscribers: Subscribers::default(),
            phase: Phase::Idle,
            call_state: CallState::Idle,
            hosting,
            rehearsal: RunningRehearsal::default(),
            device_changes: DeviceChanges::default(),
            published: Published::default(),
            saves: JoinSet::new(),
            aside: JoinSet::new(),
        };
        Self { state, hosting: hosting_task }
    }

    pub(super) fn published(&self) -> &Published {
        &self.state.published
    }

    /// Runs until [`App::close`](super::App::close) or until the last handle is gone.
    pub async fn run(self) {
        let Self { mut state, hosting } = self;
        let hosting = hosting.start();
        let closed = state.run().await;
        tokio::join!(hosting.stop(), state.settings.flush());
        if let Some(answer) = closed {
            let _ = answer.send(());
        }
    }
}

impl State {
    /// Returns when the app is to end and its call has been left, with where to report that it did.
    async fn run(&mut self) -> Option<Answer<()>> {
        let closed = loop {
            tokio::select! {
                command = self.commands.recv() => match command {
                    Some(Command::Close(answer)) => break Some(answer),
                    Some(command) => self.handle(command),
                    None => break None,
                },
                progress = self.phase.progress() => self.advance(progress),
                event = self.rehearsal.event() => self.subscribers.send(event),
                devices = self.device_changes.next() => self.subscribers.send(UiEvent::Devices { devices }),
                Some(_) = self.aside.join_next() => {}
                Some(saved) = self.saves.join_next() => {
                    if let Ok(Err(error)) = saved {
                        self.subscribers.send(UiEvent::Notice { notice: Notice { urgent: false, error } });
                    }
                }
            }
        };
        self.leave(None);
        while matches!(self.phase, Phase::InCall(_)) {
            let progress = self.phase.progress().await;
            self.advance(progress);
        }
        closed
    }

    fn handle(&mut self, command: Command) {
        match command {
            Command::Subscribe(window, decoders, listener, answer) => {
                self.published.decoders.send_replace(Some(decoders));
                self.send_snapshot(Recipient::Subscriber { window, listener, answer });
            }
            Command::Start(name, options, answer) => {
                let destination = self.new_room();
                self.join(destination, &name, options, answer);
            }
            Command::Join(link, name, options, answer) => {
                let destination = self.existing_room(link);
                self.join(destination, &name, options, answer);
            }
            Command::Leave(answer) => self.leave(Some(answer)),
            Command::Settings(answer) => drop(answer.send(self.settings.get().clone())),
            Command::SaveSettings(settings, answer) => {
                let replaced = self.settings.replace(settings);
                let settings = self.settings.get().clone();
                self.subscribers.send(UiEvent::Settings { settings: settings.clone() });
                let selection = self.sources.with(&settings).selection();
                let _ = answer.send(replaced.map(|save| Saved { settings, selection, save }));
            }
            Command::Rehearsal(start, answer) => drop(answer.send(self.rehearsal(start))),
            Command::StopRehearsal(answer) => drop(answer.send(self.end_rehearsal())),
            Command::Speaker(answer) => drop(answer.send(self.sources.with(self.settings.get()).speaker)),
            Command::WatchDevices(watch) => self.device_changes.watch(watch),
            Command::WindowLost(window) => self.window_lost(&window),
            Command::Emit(event) => self.subscribers.send(*event),
            // Taken by `run`.
            Command::Close(answer) => drop(answer),
        }
    }

    fn advance(&mut self, progress: Progress) {
        match progress {
            Progress::Joined(Ok(joined)) => self.joined(joined),
            Progress::Joined(Err(error)) => {
                info!(code = ?error.code, "could not join");
                self.stop_joining(Err(error));
            }
            Progress::View(view, recipients) => self.distribute(view, recipients),
            Progress::Event(event) => self.forward(*event),
            Progress::Ended => self.ended(),
        }
    }

    /// Where to start a call: on the server of the settings or on the embedded one.
    fn new_room(&self) -> Result<Destination, UserError> {
        match &self.settings.get().server {
            Some(server) => {
                let link = RoomLink::new(&parse_server(server)?, RoomId::random())?;
                Ok(Destination::New(self.with_own_token(link)))
            }
            None => Ok(Destination::NewEmbedded),
        }
    }

    fn existing_room(&self, link: RoomLink) -> Result<Destination, UserError> {
        let text = link.to_string();
        let remembered = self.settings.get().recent.iter().any(|room| room.link == text);
        Ok(Destination::Existing { link: self.with_own_token(link), remembered })
    }

    /// The link with the token of the settings, if it leads to their server and has none of its own.
    fn with_own_token(&self, link: RoomLink) -> RoomLink {
        let settings = self.settings.get();
        let own = settings.server.as_ref().is_some_and(|server| *server == link.server.as_str());
        let token = link.token.clone().or_else(|| Token::new(settings.server_token.as_deref()?).filter(|_| own));
        RoomLink { token, ..link }
    }

    /// Begins to join, if there is no call yet and the name is good.
    fn join(
        &mut self,
        destination: Result<Destination, UserError>,
        name: &str,
        options: JoinOptions,
        answer: Answer<Result<(), UserError>>,
    ) {
        let idle = if matches!(self.phase, Phase::Idle) { Ok(()) } else { Err(ErrorCode::AlreadyInCall.into()) };
        let checked = idle.and_then(|()| Ok((destination?, name::parse(name)?)));
        let (destination, name) = match checked {
            Ok(checked) => checked,
            Err(error) => return drop(answer.send(Err(error))),
        };
        let Sources { video, audio, speaker } = self.sources.with(self.settings.get());
        let decoders = self.published.decoders.borrow().unwrap_or_default();
        let processing = self.settings.get().processing;
        let joined_as = name.clone();
        let config = move |address: RoomAddress| CallConfig {
            connect: address.connect,
            video,
            audio,
            processing,
            speaker,
            decoders,
            mic_on: options.mic,
            camera_on: options.camera,
            ..CallConfig::new(address.link, joined_as)
        };
        let test = self.end_rehearsal();
        let joining = tokio::spawn(join(destination, self.hosting.clone(), test, config));
        self.phase = Phase::Joining(Joining { task: AbortOnDropHandle::new(joining), name, answer });
        self.set_state(CallState::Joining);
    }

    fn joined(&mut self, Joined { call, events, link }: Joined) {
        let Phase::Joining(joining) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        self.phase = Phase::InCall(Box::new(Active::new(call.clone(), events, (joining.name.clone(), link.clone()))));
        self.call_state = CallState::InCall;
        self.published.call.send_replace(Some(call.clone()));
        self.published.source.send_replace(Some(CurrentSource::Call(call)));
        let save = self.settings.remember(&joining.name, &link, now_ms());
        self.saves.spawn(save.outcome());
        self.send_snapshot(Recipient::Everyone(joining.answer));
    }

    /// Without a call again; `outcome` is the answer to the command that joins.
    fn stop_joining(&mut self, outcome: Result<(), UserError>) {
        // Dropping the task ends it.
        if let Phase::Joining(joining) = std::mem::replace(&mut self.phase, Phase::Idle) {
            let _ = joining.answer.send(outcome);
        }
        self.set_state(CallState::Idle);
    }

    fn leave(&mut self, answer: Option<Answer<()>>) {
        match &mut self.phase {
            Phase::Idle => {}
            // Given up by the person who asked for it: no error.
            Phase::Joining(_) => self.stop_joining(Ok(())),
            Phase::InCall(active) => {
                active.leave(answer);
                self.published.call.send_replace(None);
                return;
            }
        }
        if let Some(answer) = answer {
            let _ = answer.send(());
        }
    }

    /// The page of a window is gone and will come again. The second time in a call nobody is to be heard or seen without knowing.
    fn window_lost(&mut self, window: &str) {
        self.subscribers.lose(window);
        let Phase::InCall(active) = &mut self.phase else { return };
        active.pages_lost += 1;
        let Some(call) = self.published.call.borrow().clone().filter(|_| active.pages_lost > 1) else { return };
        self.aside.spawn(async move {
            tokio::join!(call.set_mic(false), call.set_camera(false));
        });
        let error = ErrorCode::WindowRestarted.into();
        self.subscribers.send(UiEvent::Notice { notice: Notice { urgent: true, error } });
    }

    /// The call's events have ended, or took too long to.
    fn ended(&mut self) {
        self.set_sharing(false);
        self.published.call.send_replace(None);
        self.published.source.send_replace(None);
        let phase = std::mem::replace(&mut self.phase, Phase::Idle);
        self.set_state(CallState::Idle);
        if let Phase::InCall(mut active) = phase {
            // One was there until now.
            let (name, link) = active.remembered();
            let save = self.settings.remember(name, link, now_ms());
            self.saves.spawn(save.outcome());
            self.subscribers.send(UiEvent::Settings { settings: self.settings.get().clone() });
            self.distribute(None, active.take_recipients());
            for answer in active.take_leavers() {
                let _ = answer.send(());
            }
        }
    }

    /// The rehearsal that runs outside of a call, started if it is wished.
    fn rehearsal(&mut self, start: bool) -> Option<Rehearsal> {
        if !start || !matches!(self.phase, Phase::Idle) {
            return self.rehearsal.get().cloned();
        }
        let settings = self.settings.get();
        let Sources { audio, video, .. } = self.sources.with(settings);
        let begin = || Rehearsal::start(audio, video, settings.processing);
        let test = self.rehearsal.get_or_start(begin).clone();
        self.published.source.send_if_modified(|source| {
            let fresh = source.is_none();
            source.get_or_insert_with(|| CurrentSource::Rehearsal(test.clone()));
            fresh
        });
        Some(test)
    }

    /// Takes the rehearsal out, for the caller to stop.
    fn end_rehearsal(&mut self) -> Option<Rehearsal> {
        let ended = self.rehearsal.take()?;
        self.published.source.send_replace(None);
        Some(ended)
    }

    fn forward(&mut self, event: UiEvent) {
        match event {
            // Sent by `ended`, when the next call can begin.
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
        self.published.sharing.send_if_modified(|before| std::mem::replace(before, now) != now);
    }

    fn set_state(&mut self, state: CallState) {
        self.call_state = state;
        self.subscribers.send(UiEvent::CallState { state });
    }

    /// Sends a snapshot, in a call when its view is there. Events until then go to the windows that subscribed before.
    fn send_snapshot(&mut self, recipient: Recipient) {
        match &mut self.phase {
            Phase::InCall(active) => active.request_view(recipient),
            _ => self.distribute(None, vec![recipient]),
        }
    }

    fn distribute(&mut self, call: Option<Box<CallView>>, recipients: Vec<Recipient>) {
        if recipients.is_empty() {
            return;
        }
        let snapshot = Snapshot {
            state: self.call_state,
            call: call.map(|call| *call),
            settings: self.settings.get().clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        for recipient in recipients {
            match recipient {
                Recipient::Subscriber { window, listener, answer } => {
                    self.subscribers.add(window, listener, snapshot.clone());
                    let _ = answer.send(snapshot.clone());
                }
                Recipient::Everyone(answer) => {
                    self.subscribers.send(UiEvent::Snapshot { snapshot: Box::new(snapshot.clone()) });
                    let _ = answer.send(Ok(()));
                }
            }
        }
    }
}

fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
