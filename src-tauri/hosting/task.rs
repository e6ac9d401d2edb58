//! The task that owns the embedded server. Only a caller that needs a room of it waits for its start.

use super::address::{RoomAddress, loopback, own_port};
use super::embedded::EmbeddedServer;
use confab_ipc::{ErrorCode, UserError};
use confab_wire::room::RoomLink;
use std::path::PathBuf;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

/// Requests that wait for the task; each belongs to an attempt to join, and the app has one at a time.
const REQUESTS: usize = 8;

/// Requests of the handle.
enum Request {
    NewRoom(oneshot::Sender<Result<RoomAddress, UserError>>),
    Reopen(RoomLink, u16, oneshot::Sender<Option<Url>>),
}

/// Handle of the task; cheap to clone.
#[derive(Debug, Clone)]
pub struct Hosting {
    requests: mpsc::Sender<Request>,
    port: watch::Receiver<Option<u16>>,
}

/// The task, before it runs.
pub struct HostingTask {
    requests: mpsc::Receiver<Request>,
    server: EmbeddedServer,
}

/// The task while it runs; ends when this is dropped.
#[derive(Debug)]
pub struct RunningTask {
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl Hosting {
    /// Makes the handle and its task; the server is started when a room is asked for.
    pub fn new() -> (Self, HostingTask) {
        Self::with_server(EmbeddedServer::default())
    }

    /// The same with the server's secret in a file.
    pub fn keeping(secret_file: PathBuf) -> (Self, HostingTask) {
        Self::with_server(EmbeddedServer::default().keeping(secret_file))
    }

    /// The same over a server of one's own.
    pub(crate) fn with_server(server: EmbeddedServer) -> (Self, HostingTask) {
        let (sender, requests) = mpsc::channel(REQUESTS);
        (Self { requests: sender, port: server.port() }, HostingTask { requests, server })
    }

    /// A new room on the embedded server. Fails with `ListenFailed` or `PortInUse`.
    pub async fn new_room(&self) -> Result<RoomAddress, UserError> {
        let ended = || UserError::with_detail(ErrorCode::Internal, "the embedded server's task has ended");
        self.ask(Request::NewRoom).await.unwrap_or_else(|| Err(ended()))
    }

    /// The address of the room of `link`. A room that this app served before (`remembered`) is served again at the same
    /// address, unless someone else listens there. Other rooms wait for nothing.
    pub async fn address(&self, link: RoomLink, remembered: bool) -> RoomAddress {
        let connect = match own_port(&link) {
            Some(port) if remembered => self.ask(|answer| Request::Reopen(link.clone(), port, answer)).await.flatten(),
            Some(port) if *self.port.borrow() == Some(port) => loopback(port).ok(),
            _ => None,
        };
        RoomAddress { link, connect }
    }

    async fn ask<T>(&self, request: impl FnOnce(oneshot::Sender<T>) -> Request) -> Option<T> {
        let (answer, answered) = oneshot::channel();
        self.requests.send(request(answer)).await.ok()?;
        answered.await.ok()
    }
}

impl HostingTask {
    /// Starts it. Needs a Tokio runtime.
    pub fn start(self) -> RunningTask {
        let stop = CancellationToken::new();
        let task = AbortOnDropHandle::new(tokio::spawn(self.run(stop.clone())));
        RunningTask { stop, task }
    }

    async fn run(self, stop: CancellationToken) {
        let Self { mut requests, mut server } = self;
        let serving = async {
            while let Some(request) = requests.recv().await {
                match request {
                    // The attempt to join was given up.
                    Request::NewRoom(answer) if answer.is_closed() => {}
                    Request::Reopen(_, _, answer) if answer.is_closed() => {}
                    Request::NewRoom(answer) => drop(answer.send(server.new_room().await)),
                    Request::Reopen(link, port, answer) => drop(answer.send(server.reopen(&link, port).await)),
                }
            }
        };
        stop.run_until_cancelled(serving).await;
        server.stop().await;
    }
}

impl RunningTask {
    /// Stops the server, also while it starts. Takes a few seconds at most.
    pub async fn stop(self) {
        self.stop.cancel();
        // It does not panic and is aborted by nothing else.
        let _ = self.task.await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test_gate::Gate;
    use confab_server::OpenRooms;
    use confab_wire::room::RoomId;
    use std::time::Duration;
    use tokio::time::Instant;

    struct Host {
        hosting: Hosting,
        task: RunningTask,
        rooms: OpenRooms,
    }

    impl Host {
        fn new() -> Self {
            let server = EmbeddedServer::default();
            let rooms = server.rooms.clone();
            let (hosting, task) = Hosting::with_server(server);
            Self { hosting, task: task.start(), rooms }
        }
    }

    #[tokio::test]
    async fn new_rooms_share_one_server_that_is_dialled_on_loopback() {
        let Host { hosting, task, .. } = Host::new();
        let first = hosting.new_room().await.unwrap();
        let second = hosting.new_room().await.unwrap();
        assert_eq!(first.link.server, second.link.server);
        assert_ne!(first.link.room, second.link.room);
        assert_eq!(first.connect, second.connect);
        assert_eq!(first.connect.unwrap().host_str(), Some("127.0.0.1"));
        task.stop().await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn the_secret_of_the_server_is_kept_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("data/server.secret");
        let mut kept = Vec::new();
        for _ in 0..2 {
            let (hosting, task) = Hosting::keeping(path.clone());
            let task = task.start();
            hosting.new_room().await.unwrap();
            task.stop().await;
            kept.push(std::fs::read(&path).unwrap());
        }
        assert_eq!(kept[0], kept[1]);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // A server without it is better than none.
        std::fs::write(&path, "short").unwrap();
        let (hosting, task) = Hosting::keeping(path);
        let task = task.start();
        hosting.new_room().await.unwrap();
        task.stop().await;
    }

    #[tokio::test]
    async fn a_server_of_ones_own_is_not_everybodys() {
        let Host { hosting, task, rooms } = Host::new();
        let room = hosting.new_room().await.unwrap().link;
        assert!(rooms.is_open(&room.room));
        let foreign = RoomLink { room: RoomId::random(), ..room };
        assert!(
            hosting.address(foreign.clone(), false).await.connect.is_some(),
            "it is dialled on loopback all the same"
        );
        assert!(!rooms.is_open(&foreign.room));
        task.stop().await;
    }

    #[tokio::test]
    async fn a_room_of_ones_own_is_served_again_after_a_restart() {
        let before = Host::new();
        let room = before.hosting.new_room().await.unwrap();
        let stranger = Host::new();
        assert_eq!(stranger.hosting.address(room.link.clone(), true).await.connect, None, "the address is taken");
        before.task.stop().await;
        assert_eq!(stranger.hosting.address(room.link.clone(), false).await.connect, None, "never been there");
        let after = Host::new();
        assert_eq!(after.hosting.address(room.link, true).await.connect, room.connect);
        after.task.stop().await;
        stranger.task.stop().await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_hangs_delays_neither_other_rooms_nor_the_end() {
        let gate = Gate::default();
        let (hosting, task) = Hosting::with_server(EmbeddedServer::behind(&gate));
        let task = task.start();
        let new_room = tokio::spawn({
            let hosting = hosting.clone();
            async move { hosting.new_room().await.map(|room| room.link) }
        });
        gate.is_waited_at().await;
        let began = Instant::now();
        for link in ["http://127.0.0.1:7420/r/a", "https://meet.example.org/r/a"] {
            assert_eq!(hosting.address(link.parse().unwrap(), false).await.connect, None);
        }
        task.stop().await;
        assert_eq!(new_room.await.unwrap().unwrap_err().code, ErrorCode::Internal);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(gate.holds());
    }
}
