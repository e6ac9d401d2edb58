//! A world without a wall clock: engines, a signaling server and a network between them in one thread, on tokio's paused
//! clock. What is under test is the engine itself with the library's own ICE, DTLS, SCTP and SDP; only sockets are missing.
//!
//! A world belongs to a thread. Everything that happens in it by chance comes from its seed, also what the library and the
//! engine draw by themselves (see [`chance`]).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod addresses;
mod chance;
mod interleavings;
mod member;
mod moving;
mod network;
mod server;

pub(crate) use addresses::{addresses, local};
pub(crate) use network::runtime;
pub(crate) use server::{Wire, dial};

use addresses::Homes;
use network::Network;
use rand::SeedableRng;
use rand::rngs::StdRng;
use server::Server;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

/// What the members of one simulation share.
#[derive(Debug, Clone)]
struct World {
    network: Arc<Network>,
    server: Arc<Server>,
    homes: Arc<Homes>,
}

impl World {
    /// The world of this thread, if there is one.
    fn current() -> Option<Self> {
        WORLD.with_borrow(Clone::clone)
    }
}

/// Runs `scenario` in a world of its own, on a thread of its own.
fn run<T: Send + 'static>(seed: u64, scenario: impl AsyncFnOnce(World, StdRng) -> T + Send + 'static) -> T {
    let world = std::thread::spawn(move || {
        let mut rng = StdRng::seed_from_u64(seed);
        chance::seed(StdRng::from_rng(&mut rng));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(async {
            // The wall clock must never be ahead of the virtual one: a deadline made from it would lie in the past.
            tokio::time::advance(Duration::from_secs(3_600)).await;
            let world = World {
                network: Network::new(StdRng::from_rng(&mut rng)),
                server: Server::new(StdRng::from_rng(&mut rng)),
                homes: Arc::default(),
            };
            WORLD.set(Some(world.clone()));
            scenario(world, rng).await
        })
    });
    world.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}
