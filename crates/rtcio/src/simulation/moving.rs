//! A member goes from one network to another. Each has an address of loopback of its own, which only Linux has more than one of.

use super::member::Member;
use super::{World, run};
use crate::LocalTrack;
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::time::{Instant, sleep};

const OLD: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const NEW: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);
/// Shorter than any silence of which ICE, the watchdog or signaling would make something.
const AT_ONCE: Duration = Duration::from_secs(4);
/// Longer than all of them.
const LONG: Duration = Duration::from_secs(60);

/// What each has of the other's tracks; empty until both have something.
fn heard(members: &[Member; 2]) -> [Vec<u64>; 2] {
    let [ann, ben] = members;
    let of = |me: &Member, other: &Member| other.id().map(|id| me.packets(&id)).unwrap_or_default();
    [of(ann, ben), of(ben, ann)]
}

/// Waits until each hears something new of the other. How long that took.
async fn hear_each_other(members: &[Member; 2]) -> Duration {
    let (started, before) = (Instant::now(), heard(members));
    loop {
        members.iter().for_each(Member::play);
        sleep(Duration::from_millis(20)).await;
        let now = heard(members);
        if now.iter().zip(&before).all(|(now, before)| !now.is_empty() && now != before) {
            return started.elapsed();
        }
        assert!(started.elapsed() < LONG, "they do not hear each other:\n{}", logs(members));
    }
}

fn logs(members: &[Member; 2]) -> String {
    members.iter().map(|member| format!("{}:\n{}\n", member.host, member.log().join("\n"))).collect()
}

/// Ann, and Ben at [`OLD`], in a call.
async fn two(world: &World) -> [Member; 2] {
    world.settle("ben", OLD);
    let mut members = [Member::enter("ann"), Member::enter("ben")];
    for member in &mut members {
        member.share(&[LocalTrack::audio()]).await;
    }
    hear_each_other(&members).await;
    // Everything is said.
    sleep(LONG).await;
    members
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux has more than one address of loopback")]
fn who_moves_is_back_before_any_silence_is_noticed() {
    for seed in 0..5 {
        run(seed, async |world, _| {
            let members = two(&world).await;
            let ids = [members[0].id(), members[1].id()];
            let remotes: Vec<_> = members.iter().map(|member| member.socket.remote_peers()).collect();
            world.move_to("ben", NEW);
            // What is still on its way comes before the silence.
            sleep(Duration::from_millis(100)).await;
            let took = hear_each_other(&members).await;
            assert!(took < AT_ONCE, "{took:?}\n{}", logs(&members));
            assert_eq!([members[0].id(), members[1].id()], ids);
            let now: Vec<_> = members.iter().map(|member| member.socket.remote_peers()).collect();
            assert_eq!(now, remotes, "they are other peers now:\n{}", logs(&members));
        });
    }
}

#[test]
#[cfg_attr(not(target_os = "linux"), ignore = "only Linux has more than one address of loopback")]
fn a_further_network_disturbs_nobody() {
    run(1, async |world, _| {
        let members = two(&world).await;
        let before = logs(&members);
        world.join_network("ben", NEW);
        sleep(LONG).await;
        hear_each_other(&members).await;
        assert_eq!(logs(&members), before);
    });
}
