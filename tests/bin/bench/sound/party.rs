//! One who speaks and one who listens, of the same kind, each with a microphone and a speaker.

use crate::{Kind, Outcome};
use confab_testkit::network::profile::{CLEAN, Profile};
use confab_testkit::pulse::Pulse;
use confab_testkit::score::{HeardSecond, compare};
use confab_testkit::speech::{self, Speaker};
use confab_tests::call_network::{CallNetwork, Guest, PageGuest};
use confab_wire::room::RoomLink;
use serde_json::json;

/// Length of what is said, in seconds.
const SPEECH: f32 = 45.0;
/// Seconds of it after which jitter buffers, gain and noise suppression know what they deal with.
const SETTLED: usize = 10;
/// Most that sound may be late, in ms.
const MOST_DELAY: usize = 900;

/// A participant in the laboratory.
enum Party {
    Ours(Box<Guest>),
    Chromium(PageGuest),
}

impl Party {
    /// Joins behind a network like `profile`, with the devices of `pulse`.
    async fn join(network: &mut CallNetwork, kind: Kind, name: &str, profile: Profile, pulse: &Pulse) -> Outcome<Self> {
        let server = pulse.server();
        let environment = [("PULSE_SERVER", server.as_str())];
        if kind == Kind::Ours {
            let devices = ["--audio", "mic:mic0", "--speaker", "speaker:spk0"];
            return Ok(Self::Ours(Box::new(network.guest_with(name, profile, &devices, &environment).await?)));
        }
        let guest = network.page_with_sound(name, profile, &environment).await?;
        let link: RoomLink = network.link().parse().map_err(|error| format!("{error}"))?;
        let wish = json!({ "server": link.server, "room": link.room, "name": name, "audio": "microphone" });
        guest.page.eval(&format!("call.aloud = true; await call.join({wish})")).await?;
        Ok(Self::Chromium(guest))
    }

    /// Waits until the sound of `name` arrives.
    async fn hears(&mut self, name: &str) -> Outcome {
        match self {
            Self::Ours(guest) => {
                guest.peer.wait_for_stats(name, |stats| stats["bitrate"].as_u64() > Some(0)).await.map(drop)?;
            }
            Self::Chromium(guest) => guest.page.wait_for_person(name, "audio").await.map(drop)?,
        }
        Ok(())
    }
}

/// Lets one speak to the other, who is behind a network like `profile`; how each second was heard.
pub async fn talk(profile: Profile, kind: Kind) -> Outcome<Vec<HeardSecond>> {
    let dir = tempfile::tempdir()?;
    let wav = dir.path().join("speech.wav");
    speech::wav(&wav, Speaker::Ben, SPEECH)?;
    let mut network = CallNetwork::new().await?;
    // A sound server for each: both take its default devices.
    let (mouth, ear) = (Pulse::start()?, Pulse::start()?);
    let mut listener = Party::join(&mut network, kind, "Listener", profile, &ear).await?;
    let _speaker = Party::join(&mut network, kind, "Speaker", CLEAN, &mouth).await?;
    listener.hears("Speaker").await?;
    let (said, heard) = (mouth.listen("micfeed0.monitor")?, ear.listen("spk0.monitor")?);
    let playing = mouth.feed(0, &wav)?;
    tokio::task::spawn_blocking(move || playing.wait()).await??;
    let (said, heard) = (said.finish()?, heard.finish()?);
    let begin = said.since.max(heard.since);
    let mut seconds = compare(said.from(begin), heard.from(begin), MOST_DELAY);
    if seconds.len() <= SETTLED {
        return Err(format!("only {} seconds of speech were heard", seconds.len()).into());
    }
    seconds.drain(..SETTLED);
    Ok(seconds)
}
