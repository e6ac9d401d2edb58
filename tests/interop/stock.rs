//! Our engine on a stock signaling server: Node's socket.io, which tells no ids and trusts what it relays.

use crate::Outcome;
use confab_rtcio::{Listener, LocalTrack, RtcioStream, ServerMessage, Socket};
use serde_json::json;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;
use url::Url;

/// Far more than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server. Ends when dropped.
struct Stock {
    url: Url,
    _process: Child,
}

impl Stock {
    async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/interop");
        let mut process = Command::new("node")
            .arg("stock-server.js")
            .current_dir(directory)
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let mut lines = BufReader::new(output).lines();
        let port = timeout(PATIENCE, lines.next_line()).await??.ok_or("the server did not start")?;
        Ok(Self { url: Url::parse(&format!("http://127.0.0.1:{port}"))?, _process: process })
    }

    /// Joins the room.
    async fn join(&self, name: &str) -> Result<Member, Box<dyn std::error::Error>> {
        let (socket, _) = Socket::builder(self.url.clone()).force_new(true).auto_connect(false).build();
        let mut member = Member {
            connects: socket.on("peer-connect"),
            disconnects: socket.on("peer-disconnect"),
            cameras: socket.on("camera"),
            chat: socket.on("chat"),
            joined: socket.server().on("joined"),
            name: name.to_owned(),
            socket,
        };
        member.socket.connect();
        member.enter().await?;
        Ok(member)
    }
}

/// A socket in the room, with all that it hears.
struct Member {
    socket: Socket,
    name: String,
    connects: Listener,
    disconnects: Listener,
    cameras: Listener,
    chat: Listener,
    joined: Listener<ServerMessage>,
}

impl Member {
    async fn enter(&mut self) -> Outcome {
        let room = json!({ "roomId": "stock", "name": self.name });
        self.socket.server().emit("join-room", room).await?;
        next(&mut self.joined).await?;
        Ok(())
    }

    fn id(&self) -> Result<String, &'static str> {
        self.socket.id().ok_or("no id")
    }

    /// Waits until these have connected, in any order, and nobody else.
    async fn meets<const N: usize>(&mut self, others: [&str; N]) -> Outcome {
        let mut met = Vec::new();
        for _ in 0..N {
            met.push(next(&mut self.connects).await?.peer);
        }
        met.sort();
        let mut wanted = others.to_vec();
        wanted.sort_unstable();
        assert_eq!(met, wanted);
        Ok(())
    }
}

async fn next<M>(listener: &mut Listener<M>) -> Result<M, Box<dyn std::error::Error>> {
    timeout(PATIENCE, listener.recv()).await?.ok_or_else(|| "the listener ended".into())
}

/// Three of them, so that one is a newcomer, one a member, and one both.
#[tokio::test(flavor = "multi_thread")]
async fn our_peers_meet_on_a_stock_server() -> Outcome {
    let server = Stock::start().await?;
    let mut ann = server.join("Ann").await?;
    let stream = RtcioStream::new();
    stream.add_track(&LocalTrack::audio());
    ann.socket.emit("camera", stream.args([json!({ "stream": &stream, "name": "Ann" })])).await?;
    let mut ben = server.join("Ben").await?;
    let mut cleo = server.join("Cleo").await?;
    let (anns, bens, cleos) = (ann.id()?, ben.id()?, cleo.id()?);
    ann.meets([&bens, &cleos]).await?;
    ben.meets([&anns, &cleos]).await?;
    cleo.meets([&anns, &bens]).await?;

    // Streams are asked for and told of in the right names.
    for member in [&mut ben, &mut cleo] {
        let camera = next(&mut member.cameras).await?;
        assert_eq!((&camera.peer, &camera.args[0]["name"]), (&anns, &json!("Ann")));
        assert_eq!(camera.stream.and_then(|stream| stream.id).as_deref(), Some(stream.id()));
    }
    cleo.socket.emit("chat", "hello").await?;
    let message = next(&mut ann.chat).await?;
    assert_eq!((message.peer, message.args), (cleos, vec![json!("hello")]));

    // A goodbye reaches all.
    ben.socket.close().await;
    for member in [&mut ann, &mut cleo] {
        assert_eq!(next(&mut member.disconnects).await?.peer, bens);
    }
    ann.socket.close().await;
    cleo.socket.close().await;
    Ok(())
}

/// A member that comes back is a newcomer under a new id to this server. The others must not be left with its old self.
#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_under_a_new_id_leaves_no_ghost_behind() -> Outcome {
    let server = Stock::start().await?;
    let mut ann = server.join("Ann").await?;
    let mut ben = server.join("Ben").await?;
    let before = ben.id()?;
    ann.meets([&before]).await?;
    ben.meets([&ann.id()?]).await?;
    let gone = ben.socket.server().once("disconnect");
    ben.socket.disconnect().await;
    timeout(PATIENCE, gone).await?.ok_or("no disconnect")?;
    // Without the server the call goes on.
    ben.socket.emit("chat", "no server").await?;
    assert_eq!(next(&mut ann.chat).await?.peer, before);
    ben.socket.connect();
    ben.enter().await?;
    let after = ben.id()?;
    assert_ne!(before, after);
    ann.meets([&after]).await?;
    assert_eq!(next(&mut ann.disconnects).await?.peer, before);
    assert_eq!(ann.socket.peers().await, [after.clone()]);
    ben.socket.emit("chat", "again").await?;
    assert_eq!(next(&mut ann.chat).await?.peer, after);
    ann.socket.close().await;
    ben.socket.close().await;
    Ok(())
}

/// Acknowledgements in both directions, nested in each other, as socket.io itself does them.
#[tokio::test(flavor = "multi_thread")]
async fn acknowledgements_go_both_ways_with_nodes_socket_io() -> Outcome {
    let server = Stock::start().await?;
    let (socket, _) = Socket::builder(server.url.clone()).force_new(true).auto_connect(false).build();
    let connected = socket.server().once("connect");
    let mut questions = socket.server().on("question");
    socket.connect();
    connected.await.ok_or("no connection")?;
    let link = socket.server();
    let answers = tokio::spawn(async move {
        futures_util::future::join_all((0..20).map(|n| link.emit_with_ack("ask-me", [json!(n), json!("ü")]))).await
    });
    for _ in 0..20 {
        let question = next(&mut questions).await?;
        let n = question.args[0].as_u64().ok_or("a number")?;
        question.ack.ok_or("no answer is wanted")?.send(json!(n * n)).await;
    }
    for (n, answer) in (0u64..).zip(answers.await?) {
        assert_eq!(answer?, [json!(n * n), json!(2)]);
    }
    socket.close().await;
    Ok(())
}
