//! Random interleavings of offers, candidates, losses, adds and removes on both sides.
//!
//! However they fall, in the end both sides rest in `stable`, each has exactly the tracks that the other sends, knows what
//! each stream is, and hears the other.

use super::member::Member;
use super::{World, run};
use crate::{Codec, LocalTrack, MediaKind};
use rand::Rng;
use rand::rngs::StdRng;
use serde_json::json;
use std::fmt::Write;
use std::process::Command;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Interleavings of each weather, unless `CONFAB_INTERLEAVINGS` says otherwise.
const INTERLEAVINGS: u64 = 500;
/// Interleavings of one pair of members, one after the other on what the last one left.
const ROUNDS: u32 = 5;
/// Virtual time in which everything must have come to rest once nothing is done and nothing is lost any more.
const REST: Duration = Duration::from_secs(90);
/// Streams and tracks of one member: within what a peer accepts.
const STREAMS: usize = 5;
const TRACKS: usize = 4;

/// What goes wrong in an interleaving.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Weather {
    /// Nothing.
    Calm,
    /// Lines to the signaling server are cut.
    Signaling,
    /// Datagrams are lost, some or all.
    Network,
    /// Both, and members that begin anew.
    Storm,
}

fn track(rng: &mut StdRng) -> LocalTrack {
    if rng.random_bool(0.6) { LocalTrack::video(Codec::Vp8) } else { LocalTrack::audio() }
}

/// Changes what a member sends.
async fn change(member: &mut Member, rng: &mut StdRng) -> String {
    let pick = (!member.streams.is_empty()).then(|| rng.random_range(0..member.streams.len()));
    let (Some(index), true) = (pick, rng.random_bool(0.8)) else {
        if member.streams.len() >= STREAMS {
            return String::new();
        }
        let count = rng.random_range(0..3);
        let tracks: Vec<LocalTrack> = (0..count).map(|_| track(rng)).collect();
        member.share(&tracks).await;
        return format!("shares {count}");
    };
    let stream = &member.streams[index];
    let tracks = stream.tracks();
    match (tracks.as_slice(), rng.random_range(0..3)) {
        ([], _) | (_, 0) if tracks.len() < TRACKS => {
            stream.add_track(&track(rng));
            "adds".to_owned()
        }
        ([_, ..], 1) => {
            let old = &tracks[rng.random_range(0..tracks.len())];
            let new = match old.kind() {
                MediaKind::Video => LocalTrack::video(Codec::Vp8),
                MediaKind::Audio => LocalTrack::audio(),
            };
            stream.replace_track(&new);
            "replaces".to_owned()
        }
        ([_, ..], _) => {
            stream.remove_track(&tracks[rng.random_range(0..tracks.len())]);
            "removes".to_owned()
        }
        _ => String::new(),
    }
}

/// One interleaving on two members. What was done, for the one who reads of a failure.
async fn disturb(world: &World, members: &mut [Member; 2], rng: &mut StdRng, weather: Weather) -> String {
    let mut done = String::new();
    let started = Instant::now();
    let changes = matches!(weather, Weather::Signaling | Weather::Storm);
    for _ in 0..rng.random_range(2..12) {
        // Many at one instant, some apart, so that offers meet each other, answers and losses at every point.
        let pause = match rng.random_range(0..4) {
            0 | 1 => 0,
            2 => rng.random_range(1..150),
            _ => rng.random_range(150..3_000),
        };
        sleep(Duration::from_millis(pause)).await;
        let side = rng.random_range(0..2);
        let what = match rng.random_range(0..10) {
            0 | 1 if changes => {
                world.server.cut(&members[side].host);
                "is cut from the server".to_owned()
            }
            2 if changes => {
                world.server.mend(&members[side].host);
                "may reach the server".to_owned()
            }
            3 if weather == Weather::Storm => {
                members[side].forget();
                "begins anew".to_owned()
            }
            4 if weather == Weather::Storm || weather == Weather::Network => {
                let up = rng.random_bool(0.5);
                world.network.set_up(up);
                format!("network {up}")
            }
            5 if weather == Weather::Storm || weather == Weather::Network => {
                let loss = [0.0, 0.02, 0.2, 0.5][rng.random_range(0..4)];
                world.network.set_loss(loss);
                format!("loss {loss}")
            }
            _ => change(&mut members[side], rng).await,
        };
        if !what.is_empty() {
            let at = started.elapsed().as_millis();
            writeln!(done, "{at:>6} {} {what}", members[side].host).unwrap();
        }
    }
    // An outage that nobody ends lasts a while.
    sleep(Duration::from_millis(rng.random_range(0..4_000))).await;
    world.network.set_up(true);
    world.network.set_loss(0.0);
    for member in &*members {
        world.server.mend(&member.host);
    }
    done
}

/// What is not yet as it must be; empty at rest.
async fn unrest(members: &[Member; 2]) -> String {
    let mut found = String::new();
    for (me, other) in [(0, 1), (1, 0)] {
        let (me, other) = (&members[me], &members[other]);
        let Some(id) = other.id() else {
            writeln!(found, "{} has no id", other.host).unwrap();
            continue;
        };
        if !me.socket.is_settled(&id).await {
            writeln!(found, "{} is not at rest", me.host).unwrap();
        }
        for fault in me.faults() {
            writeln!(found, "{}: {fault}", me.host).unwrap();
        }
        let (sent, received) = (other.sends(), me.receives(&id));
        if sent != received {
            writeln!(found, "{} sends {sent:?}, {} has {received:?}", other.host, me.host).unwrap();
        }
        if !me.was_told(&id, &sent) {
            writeln!(found, "{} was not told of every stream", me.host).unwrap();
        }
    }
    found
}

async fn come_to_rest(members: &[Member; 2], number: u32) -> Result<(), String> {
    let started = Instant::now();
    let mut calm = 0;
    let mut found;
    loop {
        found = unrest(members).await;
        calm = if found.is_empty() { calm + 1 } else { 0 };
        // Twice, some seconds apart: what is on its way must not spoil it.
        if calm == 3 {
            break;
        }
        if started.elapsed() > REST {
            return Err(found);
        }
        sleep(Duration::from_secs(2)).await;
    }
    let ids = [members[1].id().unwrap(), members[0].id().unwrap()];
    let packets = || members.iter().zip(&ids).map(|(member, other)| member.packets(other)).collect::<Vec<_>>().concat();
    let before = packets();
    loop {
        for member in members {
            member.play();
        }
        sleep(Duration::from_millis(100)).await;
        let now = packets();
        let silent = now.iter().zip(&before).filter(|(now, before)| now <= before).count();
        if silent == 0 {
            break;
        }
        if started.elapsed() > 2 * REST {
            return Err(format!("{silent} of {} tracks are silent: {now:?}", now.len()));
        }
    }
    let word = format!("word-{number}");
    for member in members {
        member.socket.emit(&word, vec![json!(1)]).await.unwrap();
    }
    while !members.iter().all(|member| member.heard(&word)) {
        if started.elapsed() > 3 * REST {
            return Err("they do not hear each other".to_owned());
        }
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Several interleavings on one pair of members. What went over the network, as [`Network::digest`] has it.
///
/// [`Network::digest`]: super::network::Network::digest
fn interleave(seed: u64, weather: Weather, rounds: u32) -> Result<u64, String> {
    run(seed, async move |world, mut rng| {
        let mut members = [Member::enter("ann"), Member::enter("ben")];
        let mut done = String::new();
        for round in 0..rounds {
            if round > 0 || rng.random_bool(0.3) {
                world.server.set_echo(if weather == Weather::Storm { 0.05 } else { 0.0 });
            }
            writeln!(done, "round {round}").unwrap();
            done.push_str(&disturb(&world, &mut members, &mut rng, weather).await);
            if let Err(found) = come_to_rest(&members, round).await {
                let logs: Vec<String> =
                    members.iter().map(|member| format!("{}:\n{}", member.host, member.log().join("\n"))).collect();
                return Err(format!("seed {seed} {weather:?}: {found}\n{done}\n{}", logs.join("\n")));
            }
        }
        for member in &members {
            member.socket.close().await;
        }
        Ok(world.network.digest())
    })
}

/// The interleavings of one seed, or of as many seeds as there are to be, each in a process of its own: what the library's
/// `select!` prefers depends on how many threads have asked before. So a seed that fails here fails alone, too.
fn many(weather: Weather, test: &str) {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().expect(name));
    if let Some(seed) = number("CONFAB_SEED") {
        tracing_subscriber::fmt()
            .with_env_filter(tracing_subscriber::EnvFilter::try_from_default_env().unwrap_or_else(|_| "off".into()))
            .with_test_writer()
            .try_init()
            .ok();
        match interleave(seed, weather, ROUNDS) {
            Ok(digest) => println!("digest {digest:x}"),
            Err(found) => panic!("{found}"),
        }
        return;
    }
    let first = number("CONFAB_FIRST_SEED").unwrap_or(0);
    let count = number("CONFAB_INTERLEAVINGS").unwrap_or(INTERLEAVINGS).div_ceil(u64::from(ROUNDS));
    for seed in first..first + count {
        alone(test, seed);
    }
}

/// Runs `test` with one seed in a process of its own. What it wrote.
fn alone(test: &str, seed: u64) -> String {
    let name = format!("{}::{test}", module_path!().split_once("::").unwrap().1);
    let output = Command::new(std::env::current_exe().unwrap())
        .args([&name, "--exact", "--nocapture"])
        .env("CONFAB_SEED", seed.to_string())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "CONFAB_SEED={seed} {name}\n{said}{}", String::from_utf8_lossy(&output.stderr));
    said
}

#[test]
fn changes_on_both_sides_end_in_one_picture() {
    many(Weather::Calm, "changes_on_both_sides_end_in_one_picture");
}

#[test]
fn changes_while_signaling_comes_and_goes_end_in_one_picture() {
    many(Weather::Signaling, "changes_while_signaling_comes_and_goes_end_in_one_picture");
}

#[test]
fn changes_while_datagrams_get_lost_end_in_one_picture() {
    many(Weather::Network, "changes_while_datagrams_get_lost_end_in_one_picture");
}

#[test]
fn changes_in_a_storm_end_in_one_picture() {
    many(Weather::Storm, "changes_in_a_storm_end_in_one_picture");
}

#[test]
#[cfg(target_os = "linux")]
fn a_seed_says_everything_that_happens() {
    let storm = || {
        let said = alone("changes_in_a_storm_end_in_one_picture", 7);
        said.lines().find(|line| line.starts_with("digest ")).expect("a digest").to_owned()
    };
    assert_eq!(storm(), storm());
}
