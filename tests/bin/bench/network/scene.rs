//! What happens to the receiver's line during a measurement.

use super::party::{Kind, Party};
use crate::Outcome;
use confab_testkit::network::lab::Node;
use confab_testkit::network::profile::{
    CLEAN, CUT, HOTEL, LOSSY, MOBILE, Profile, SATELLITE, UDP_BLOCKED, WIFI, narrow,
};
use confab_testkit::received::Received;
use confab_tests::call_network::CallNetwork;
use std::net::Ipv4Addr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::{Instant, interval};

/// Encoders and estimators settle in this time before anything is measured.
const WARM_UP: Duration = Duration::from_secs(6);
/// How long a line that does not change is looked at, and how long before a change.
const STEADY: Duration = Duration::from_secs(8);
const BEFORE: Duration = Duration::from_secs(3);
/// How long the line stays narrow or cut.
const CHANGED: Duration = Duration::from_secs(10);
/// Time between two looks at the line.
const LOOK: Duration = Duration::from_millis(100);

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing.
    Nothing,
    /// The line becomes narrow, and wide again.
    Step,
    /// The line is out for a while.
    Cut,
    /// The host gets another address.
    Move,
}

impl Change {
    /// How long a call is looked at after it.
    fn after(self) -> Duration {
        Duration::from_secs(match self {
            Self::Nothing => 0,
            Self::Step => 12,
            Self::Cut => 10,
            // Who does not notice that an address is gone needs ICE's patience.
            Self::Move => 26,
        })
    }
}

/// A line and what happens to it.
#[derive(Debug, Clone, Copy)]
pub struct Scene {
    /// Name for the table.
    pub name: &'static str,
    /// The line.
    pub line: Profile,
    /// What happens.
    pub change: Change,
}

const fn steady(line: Profile) -> Scene {
    Scene { name: line.name, line, change: Change::Nothing }
}

/// All of them, in the order of the table.
pub const SCENES: [Scene; 10] = [
    steady(CLEAN),
    steady(WIFI),
    steady(MOBILE),
    steady(HOTEL),
    steady(SATELLITE),
    steady(LOSSY),
    steady(UDP_BLOCKED),
    Scene { name: "5→0.7→5 Mbit/s", line: narrow("5 Mbit/s", 5_000_000), change: Change::Step },
    Scene { name: "10 s cut", line: CLEAN, change: Change::Cut },
    Scene { name: "address change", line: CLEAN, change: Change::Move },
];
const NARROW: Profile = narrow("0.7 Mbit/s", 700_000);

/// A look at the line to the receiver.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// When, in ms since 1970.
    pub at: f64,
    /// Bytes line so far, IP headers included.
    pub bytes: u64,
    /// How long a packet waits for the line's rate, in ms.
    pub queue: f64,
}

/// What was measured. Times are in ms since 1970.
pub struct Record {
    /// What the receiver saw.
    pub received: Received,
    /// Its line meanwhile.
    pub line: Vec<Look>,
    /// From here on everything counts.
    pub begin: f64,
    /// The line changed; [`Self::end`] if it did not.
    pub changed: f64,
    /// The line was back.
    pub back: f64,
    /// Until here everything counts.
    pub end: f64,
}

impl Record {
    /// What the line line to the receiver from `from` until `to`, in kbit/s, IP headers included.
    pub fn kbit(&self, from: f64, to: f64) -> f64 {
        let by = |moment: f64| self.line.iter().rfind(|look| look.at <= moment).or(self.line.first());
        match (by(from), by(to)) {
            (Some(from), Some(to)) if to.at > from.at => (to.bytes - from.bytes) as f64 * 8.0 / (to.at - from.at),
            _ => 0.0,
        }
    }
}

/// Plays `scene` between a sender and a receiver of these kinds.
pub async fn play(scene: &Scene, from: Kind, to: Kind) -> Outcome<Record> {
    let mut network =
        if scene.line == UDP_BLOCKED { CallNetwork::with_relay().await? } else { CallNetwork::new().await? };
    let mut receiver = Party::receiver(&mut network, to, scene.line).await?;
    let _sender = Party::sender(&mut network, from).await?;
    receiver.sees().await?;
    let mut line = Vec::new();
    let host = receiver.host();
    watch(host, WARM_UP, &mut line).await;
    let begin = unix_ms();
    let changes = scene.change != Change::Nothing;
    watch(host, if changes { BEFORE } else { STEADY }, &mut line).await;
    let changed = unix_ms();
    change(host, scene, &mut line).await?;
    let back = unix_ms();
    watch(host, scene.change.after(), &mut line).await;
    let end = unix_ms();
    Ok(Record { received: receiver.received().await?, line, begin, changed, back, end })
}

/// Changes the line and back.
async fn change(host: &mut Node, scene: &Scene, line: &mut Vec<Look>) -> Outcome {
    let changed = match scene.change {
        Change::Nothing => return Ok(()),
        Change::Move => return Ok(host.move_to(Ipv4Addr::new(10, 77, 0, 200))?),
        Change::Step => NARROW,
        Change::Cut => CUT,
    };
    host.set(changed);
    watch(host, CHANGED, line).await;
    host.set(scene.line);
    Ok(())
}

/// Lets `time` pass and notes what the line carries.
async fn watch(host: &Node, time: Duration, line: &mut Vec<Look>) {
    let end = Instant::now() + time;
    let mut looks = interval(LOOK);
    while Instant::now() < end {
        looks.tick().await;
        let (at, bytes) = (unix_ms(), host.counts().1.delivered_bytes);
        line.push(Look { at, bytes, queue: host.queued().1.as_secs_f64() * 1_000.0 });
    }
}

fn unix_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros() as f64 / 1_000.0
}
