//! What waits to be sent on one WebSocket.

use crate::limits::Limits;
use crate::net::{Backlog, Requester, TcpConnection};
use crate::sync::lock;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tokio_tungstenite::tungstenite::protocol::frame::Utf8Bytes;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Message, protocol::CloseFrame};

/// What a frame costs besides its text: its header.
const FRAMING_BYTES: usize = 10;

/// The frames that others have for a socket, in order, bounded by number and bytes. Nothing here waits.
pub(crate) struct Outbox {
    backlog: Arc<Backlog>,
    connection: Arc<TcpConnection>,
    most: usize,
    reserved: usize,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Message>,
    /// The close frame that ends it, or none with a code.
    end: Option<Option<CloseFrame>>,
    task: Option<Waker>,
}

impl Outbox {
    /// The outbox of the WebSocket that a request becomes.
    pub(crate) fn new(requester: &Requester, limits: &Limits) -> Arc<Self> {
        let address = Arc::clone(&requester.address);
        let backlog = Arc::new(Backlog::new(limits.send_queue_bytes, address, limits.send_queue_bytes_per_address));
        requester.connection.carries(Arc::clone(&backlog));
        Arc::new(Self {
            backlog,
            connection: Arc::clone(&requester.connection),
            most: limits.send_queue,
            reserved: limits.send_queue_bytes / 4,
            queue: Mutex::default(),
        })
    }

    /// Queues what another client has sent. False if there is no room: a quarter of the bytes is kept for [`Self::tell`].
    pub(crate) fn relay(&self, text: Utf8Bytes) -> bool {
        self.queue(text, self.reserved)
    }

    /// Queues what the server itself has to say. A client for which there is no room for that is cut.
    pub(crate) fn tell(&self, text: Utf8Bytes) {
        if !self.queue(text, 0) && lock(&self.queue).end.is_none() {
            tracing::debug!("a client does not take what it must know: cut");
            self.connection.cut();
        }
    }

    /// Queues a ping of the WebSocket, unless something waits already.
    pub(super) fn ping(&self) {
        let mut queue = lock(&self.queue);
        if queue.end.is_none() && queue.frames.is_empty() {
            queue.push(Message::Ping(Default::default()));
        }
    }

    fn queue(&self, text: Utf8Bytes, reserved: usize) -> bool {
        let mut queue = lock(&self.queue);
        let room = queue.end.is_none() && queue.frames.len() < self.most;
        let queued = room && self.backlog.queue(FRAMING_BYTES + text.len(), reserved);
        if queued {
            queue.push(Message::Text(text));
        }
        queued
    }

    /// Ends the socket after what waits, with a code and its reason, or with a close frame that has none. The first end counts.
    pub(crate) fn close(&self, why: Option<(u16, &'static str)>) {
        let frame = why.map(|(code, reason)| CloseFrame { code: CloseCode::from(code), reason: reason.into() });
        let mut queue = lock(&self.queue);
        if queue.end.is_none() {
            queue.end = Some(frame);
            queue.wake();
        }
    }

    /// The next frame. None when nothing may follow any more.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<Option<Message>> {
        let mut queue = lock(&self.queue);
        if let Some(frame) = queue.frames.pop_front() {
            return Poll::Ready(Some(frame));
        }
        if queue.frames.capacity() > 0 {
            // Most sockets are idle for the most of their time.
            queue.frames = VecDeque::new();
        }
        if queue.end.is_some() {
            return Poll::Ready(None);
        }
        queue.task = Some(cx.waker().clone());
        Poll::Pending
    }

    /// Ends the queue; what waits and the close frame are the caller's to send.
    pub(super) fn take_end(&self) -> (VecDeque<Message>, Option<CloseFrame>) {
        let mut queue = lock(&self.queue);
        let end = queue.end.get_or_insert(None).take();
        (std::mem::take(&mut queue.frames), end)
    }
}

impl Queue {
    fn push(&mut self, frame: Message) {
        self.frames.push_back(frame);
        self.wake();
    }

    fn wake(&mut self) {
        if let Some(task) = self.task.take() {
            task.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::{Addresses, Kind};

    fn outbox(limits: &Limits) -> Arc<Outbox> {
        let addresses = Addresses::new(limits.clone());
        let address = addresses.of([192, 0, 2, 1].into());
        let place = addresses.place(&address, Kind::Connection).unwrap();
        let connection = Arc::new(TcpConnection::new([192, 0, 2, 1].into(), place));
        Outbox::new(&Requester { connection, address }, limits)
    }

    #[test]
    fn what_waits_is_bounded_and_a_share_is_kept_for_the_server() {
        let limits = Limits { send_queue_bytes: 400, ..Limits::default() };
        let bytes = outbox(&limits);
        let text = || Utf8Bytes::from("x".repeat(90));
        assert_eq!([(); 4].map(|()| bytes.relay(text())), [true, true, true, false]);
        assert!(bytes.queue(text(), 0));
        let count = outbox(&Limits { send_queue: 2, ..Limits::default() });
        assert_eq!([(); 3].map(|()| count.relay(text())), [true, true, false]);
    }

    #[test]
    fn nothing_follows_the_end_and_the_first_one_counts() {
        let outbox = outbox(&Limits::default());
        outbox.tell("last".into());
        outbox.close(Some((1_001, "going away")));
        outbox.close(Some((1_009, "too big")));
        assert!(!outbox.relay("late".into()));
        let (frames, end) = outbox.take_end();
        assert_eq!(frames, [Message::text("last")]);
        assert_eq!(end.map(|frame| frame.code.into()), Some(1_001_u16));
    }
}
