//! How far the app's call is: none, being joined, or joined; and what it does next by itself.

use super::command::Answer;
use super::join::Joined;
use super::subscribers::Listener;
use confab_call::{Call, CallEvents};
use confab_ipc::{CallView, ErrorCode, Snapshot, UiEvent, UserError};
use confab_wire::room::RoomLink;
use std::future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::AbortOnDropHandle;
use tracing::warn;

/// Longest time for a polite leave; then the call is dropped.
pub const LEAVE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest time for the view of a call; a snapshot has none after it.
const VIEW_TIMEOUT: Duration = Duration::from_secs(4);

/// The app's call.
pub enum Phase {
    Idle,
    Joining(Joining),
    InCall(Box<Active>),
}

/// A call that is being joined.
pub struct Joining {
    /// Dropping it gives the attempt up.
    pub task: AbortOnDropHandle<Result<Joined, UserError>>,
    pub name: String,
    pub answer: Answer<Result<(), UserError>>,
}

/// A call that was joined.
pub struct Active {
    call: Call,
    events: CallEvents,
    /// Own name and the link, with which it is remembered.
    remembered: (String, RoomLink),
    /// How often the page of a window was lost.
    pub pages_lost: u32,
    leaving: Option<Leaving>,
    view: Option<PendingView>,
}

/// A call that is being left.
struct Leaving {
    deadline: Instant,
    answers: Vec<Answer<()>>,
    _task: AbortOnDropHandle<()>,
}

/// A view that was requested from the call, and the recipients of a snapshot with it.
struct PendingView {
    view: Pin<Box<dyn Future<Output = Option<CallView>> + Send>>,
    recipients: Vec<Recipient>,
}

/// A recipient of a snapshot.
pub enum Recipient {
    /// A window that subscribes.
    Subscriber { window: String, listener: Listener, answer: Answer<Snapshot> },
    /// All subscribers: the call was just joined, which is the answer to that command.
    Everyone(Answer<Result<(), UserError>>),
}

/// What happened by itself.
pub enum Progress {
    Joined(Result<Joined, UserError>),
    View(Option<Box<CallView>>, Vec<Recipient>),
    Event(Box<UiEvent>),
    Ended,
}

impl Phase {
    /// What happens next by itself. Safe to drop before it is done.
    pub async fn progress(&mut self) -> Progress {
        match self {
            Self::Idle => future::pending().await,
            Self::Joining(joining) => Progress::Joined((&mut joining.task).await.unwrap_or_else(|error| {
                Err(UserError::with_detail(ErrorCode::Internal, format!("joining ended early: {error}")))
            })),
            Self::InCall(active) => active.progress().await,
        }
    }
}

impl Active {
    pub fn new(call: Call, events: CallEvents, remembered: (String, RoomLink)) -> Self {
        Self { call, events, remembered, pages_lost: 0, leaving: None, view: None }
    }

    /// Own name and the link.
    pub fn remembered(&self) -> &(String, RoomLink) {
        &self.remembered
    }

    /// Requests the view of the call, with which `recipient` gets a snapshot.
    pub fn request_view(&mut self, recipient: Recipient) {
        let Self { call, view, .. } = self;
        let pending = view.get_or_insert_with(|| {
            let call = call.clone();
            let view = Box::pin(async move { timeout(VIEW_TIMEOUT, call.view()).await.ok().flatten() });
            PendingView { view, recipients: Vec::new() }
        });
        // A window that has reloaded waits once.
        if let Recipient::Subscriber { window, .. } = &recipient {
            pending
                .recipients
                .retain(|known| !matches!(known, Recipient::Subscriber { window: known, .. } if known == window));
        }
        pending.recipients.push(recipient);
    }

    /// Begins to leave, if that has not begun yet. `answer` is for [`take_leavers`](Self::take_leavers).
    pub fn leave(&mut self, answer: Option<Answer<()>>) {
        let Self { call, leaving, .. } = self;
        let leaving = leaving.get_or_insert_with(|| {
            let call = call.clone();
            Leaving {
                deadline: Instant::now() + LEAVE_TIMEOUT,
                answers: Vec::new(),
                _task: AbortOnDropHandle::new(tokio::spawn(async move { call.leave().await })),
            }
        });
        leaving.answers.extend(answer);
    }

    /// Where to report the end of a call that is being left.
    pub fn take_leavers(&mut self) -> Vec<Answer<()>> {
        self.leaving.take().map(|leaving| leaving.answers).unwrap_or_default()
    }

    /// The recipients that still wait for a view.
    pub fn take_recipients(&mut self) -> Vec<Recipient> {
        self.view.take().map(|pending| pending.recipients).unwrap_or_default()
    }

    async fn progress(&mut self) -> Progress {
        let Self { events, leaving, view, .. } = self;
        let viewed = async {
            match view {
                Some(pending) => (&mut pending.view).await,
                None => future::pending().await,
            }
        };
        let event = async {
            match leaving {
                Some(Leaving { deadline, .. }) => timeout_at(*deadline, events.recv()).await.unwrap_or_else(|_| {
                    warn!("the call took too long to leave");
                    None
                }),
                None => events.recv().await,
            }
        };
        let viewed = tokio::select! {
            // The view first: an event that is newer than the view must not be sent before it.
            biased;
            viewed = viewed => viewed,
            event = event => return event.map_or(Progress::Ended, |event| Progress::Event(Box::new(event))),
        };
        Progress::View(viewed.map(Box::new), self.take_recipients())
    }
}
