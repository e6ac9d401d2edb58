//! What is heard of real speech, from a microphone to a speaker: ours and headless Chromium in one run, over the same
//! networks (`confab_testkit::network`), each with the devices of a PulseAudio server of its own.
//!
//! Why the comparison is fair: both have what they come with (echo cancellation, noise suppression, gain control), both take
//! the same microphone and the same speaker, and what goes into the one and comes out of the other is recorded by the same
//! program. The listener is behind the network, the speaker on a clean line.

mod party;
mod row;
mod talkers;

use crate::{Kind, Outcome, say};
use confab_testkit::network::inside::{Inside, LabError, program};
use confab_testkit::network::profile::{CLEAN, LOSSY, MOBILE, Profile, WIFI};
use row::Row;
use serde_json::{Value, json};

/// Networks: nothing, single losses, losses in bursts, jitter.
const SCENES: [Profile; 4] = [CLEAN, LOSSY, MOBILE, WIFI];
/// Longest time without a sound that nobody calls a gap, in ms: the limit.
const NO_GAP: f32 = 60.0;

/// Prints tables; returns the figures, or nothing if another process has printed them.
pub async fn run() -> Outcome<Option<Value>> {
    match program(&["sound"]) {
        Ok(Inside::Here) => {}
        Ok(Inside::Child(status)) if status.success() => return Ok(None),
        Ok(Inside::Child(status)) => return Err(format!("in a namespace of its own: {status}").into()),
        Err(error @ LabError::Refused { .. }) => {
            println!("not run: {error}");
            return Ok(Some(json!({ "notRun": error.to_string() })));
        }
    }
    println!("Speech from a microphone to a speaker; delay, level and gaps by the envelope of each second\n");
    println!(
        "| network | program | mouth to ear p50 ms | p95 ms | seconds with a gap over 60 ms | longest gap ms | level p50 dB | likeness p50 |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    let mut rows = Vec::new();
    for profile in SCENES {
        for kind in Kind::BOTH {
            rows.extend(measure(profile, kind).await);
        }
    }
    println!();
    targets(&rows);
    let talkers = talkers::run().await?;
    Ok(Some(json!({ "speech": rows.iter().map(Row::json).collect::<Vec<_>>(), "talkers": talkers })))
}

/// A line of the table; nothing if the call failed, which the table then says.
async fn measure(profile: Profile, kind: Kind) -> Option<Row> {
    match party::talk(profile, kind).await {
        Ok(seconds) => {
            let row = Row { network: profile.name, kind, seconds };
            println!("{}", row.line());
            Some(row)
        }
        Err(error) => {
            println!("| {} | {kind:?} | failed: {error} |", profile.name);
            None
        }
    }
}

fn targets(rows: &[Row]) {
    let of = |kind, name| rows.iter().find(|row| (row.kind, row.network) == (kind, name));
    for profile in SCENES {
        for (name, quantile) in [("p50", 0.5), ("p95", 0.95)] {
            let share = match (of(Kind::Ours, profile.name), of(Kind::Chromium, profile.name)) {
                (Some(ours), Some(chromium)) => ours.delay(quantile) / chromium.delay(quantile),
                _ => f64::INFINITY,
            };
            let what = format!("mouth to ear {name} under {} as a share of Chromium's (at most 1)", profile.name);
            say(&what, share, share <= 1.0);
        }
    }
    let gaps = of(Kind::Ours, LOSSY.name).map_or(f64::INFINITY, |row| row.gaps(NO_GAP));
    say("share of the seconds with a gap over 60 ms at 5 % loss (at most 0.01)", gaps, gaps <= 0.01);
}
