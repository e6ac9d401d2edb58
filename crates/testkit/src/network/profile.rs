//! Networks by name, as people have them. Each is how one participant is connected; the other way is as good as `up` says.

use super::link::{Blocked, Bursts, Conditions};
use std::time::Duration;

/// One participant's connection, in both directions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Profile {
    /// Name for tables and test output.
    pub name: &'static str,
    /// From the participant.
    pub up: Conditions,
    /// To the participant.
    pub down: Conditions,
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// A wire: no limit, no loss, half a millisecond.
pub const CLEAN: Profile = both("clean", Conditions { delay: Duration::from_micros(500), ..Conditions::wire() });

/// A home's wireless network: some jitter, now and then a packet lost.
pub const WIFI: Profile = both(
    "wifi",
    Conditions {
        delay: ms(5),
        jitter: ms(10),
        loss: 0.005,
        rate: Some(20_000_000),
        queue: ms(150),
        ..Conditions::wire()
    },
);

/// A phone's network on the move: losses in bursts, a deep queue.
pub const MOBILE: Profile = Profile {
    name: "mobile",
    up: Conditions { rate: Some(3_000_000), ..mobile() },
    down: Conditions { rate: Some(8_000_000), ..mobile() },
};

/// A hotel in the evening: little for everybody, and a queue that makes it worse.
pub const HOTEL: Profile = both(
    "hotel",
    Conditions {
        delay: ms(30),
        jitter: ms(20),
        loss: 0.02,
        rate: Some(1_200_000),
        queue: ms(600),
        ..Conditions::wire()
    },
);

/// A geostationary satellite.
pub const SATELLITE: Profile = both(
    "satellite",
    Conditions {
        delay: ms(280),
        jitter: ms(10),
        loss: 0.005,
        rate: Some(5_000_000),
        queue: ms(300),
        ..Conditions::wire()
    },
);

/// Five of a hundred packets are lost, one by one.
pub const LOSSY: Profile = both("5 % loss", Conditions { delay: ms(20), loss: 0.05, ..Conditions::wire() });

/// Packets overtake each other and come twice, as where a path has several ways.
pub const JUMBLED: Profile = both(
    "reordered",
    Conditions { delay: ms(20), jitter: ms(10), reorder: 0.05, duplicate: 0.02, ..Conditions::wire() },
);

/// UDP does not pass; TCP does.
pub const UDP_BLOCKED: Profile =
    both("UDP blocked", Conditions { delay: ms(10), blocked: Blocked::Udp, ..Conditions::wire() });

/// A path of this rate in both directions, 20 ms one way and a queue of 300 ms: the parts of a step.
pub const fn narrow(name: &'static str, bits_per_second: u64) -> Profile {
    both(name, Conditions { delay: ms(20), rate: Some(bits_per_second), queue: ms(300), ..Conditions::wire() })
}

/// The cable is out.
pub const CUT: Profile = both("cut", Conditions { blocked: Blocked::Everything, ..Conditions::wire() });

const fn both(name: &'static str, conditions: Conditions) -> Profile {
    Profile { name, up: conditions, down: conditions }
}

const fn mobile() -> Conditions {
    Conditions {
        delay: ms(40),
        jitter: ms(30),
        bursts: Some(Bursts { begin: 0.002, end: 0.25, loss: 0.8 }),
        queue: ms(400),
        ..Conditions::wire()
    }
}
