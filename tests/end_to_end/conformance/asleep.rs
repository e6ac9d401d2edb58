//! Peers that get no time, like a computer that sleeps: a whole Chromium, or a program of ours.

use crate::conformance::Outcome;
use crate::conformance::examples::{Example, came};
use crate::conformance::peer::Peer;
use crate::conformance::world::{Kind, World, each_pair, meet};
use confab_testkit::browser::Frozen;
use serde_json::json;

/// Who will sleep.
enum Sleeper {
    Page(Peer, Option<Frozen>),
    /// The other peers of this suite are this process, which has to look on.
    Program(Example),
}

impl Sleeper {
    /// Comes into `room`, in which `watcher` is, and meets it. Answers with its id, too.
    async fn start(world: &World, kind: Kind, room: &str, watcher: &mut Peer) -> Outcome<(Self, String)> {
        if kind == Kind::Ours {
            let example = Example::start_in(world, room, "rpc", &["Ben"])?;
            return Ok((Self::Program(example), came(watcher).await?));
        }
        let mut page = world.join(kind, room).await?;
        meet(watcher, &mut page).await?;
        page.on("ping", "ping", json!({})).await?;
        let id = page.id().to_owned();
        Ok((Self::Page(page, None), id))
    }

    async fn sleep(&mut self, world: &World) -> Outcome {
        match self {
            Self::Page(_, frozen) => *frozen = Some(world.freeze_pages()?),
            Self::Program(example) => example.0.signal("STOP").await?,
        }
        Ok(())
    }

    async fn wake(&mut self) -> Outcome {
        match self {
            Self::Page(_, frozen) => drop(frozen.take()),
            Self::Program(example) => example.0.signal("CONT").await?,
        }
        Ok(())
    }

    /// What `watcher` says to `id` is heard here.
    async fn hears(&mut self, watcher: &mut Peer, id: &str) -> Outcome {
        watcher.on("pong", "pong", json!({})).await?;
        watcher.emit_to(id, "ping", json!([{ "sentAt": 7 }])).await?;
        match self {
            Self::Page(page, _) => page.wait(json!({ "tag": "ping", "args": [{ "sentAt": 7 }] })).await?,
            Self::Program(_) => watcher.wait(json!({ "tag": "pong", "args": [{ "sentAt": 7 }] })).await?,
        };
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_sleeps_on_is_given_up_after_the_watchdogs_time() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let mut watcher = world.start(first, json!({ "watchdog": { "timeout": 1_000 } })).await?;
        watcher.join(room).await?;
        let (mut sleeper, id) = Sleeper::start(world, second, room, &mut watcher).await?;
        sleeper.sleep(world).await?;
        watcher.notices_trouble(&id).await?;
        watcher.wait(json!({ "tag": "peer-disconnect", "args": [{ "id": id }] })).await?;
        sleeper.wake().await?;
        watcher.close().await
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_wakes_in_time_is_the_same_peer_and_the_call_goes_on() -> Outcome {
    each_pair(async |world, (first, second), room| {
        let mut watcher = world.start(first, json!({ "watchdog": { "timeout": 60_000 } })).await?;
        watcher.join(room).await?;
        let (mut sleeper, id) = Sleeper::start(world, second, room, &mut watcher).await?;
        sleeper.hears(&mut watcher, &id).await?;
        sleeper.sleep(world).await?;
        watcher.notices_trouble(&id).await?;
        sleeper.wake().await?;
        sleeper.hears(&mut watcher, &id).await?;
        for event in ["peer-connect", "peer-disconnect"] {
            assert_eq!(watcher.seen(&json!({ "tag": event, "args": [{ "id": id }] })), 0, "{event}");
        }
        watcher.close().await
    })
    .await
}
