//! Command line of `confab-peer`.

use clap::{Args, Parser, Subcommand};
use confab_call::{AudioSink, AudioSource, VideoSource};
use confab_wire::media::Processing;
use std::path::PathBuf;

const EXIT_CODES: &str = "Exit codes: 0 left as asked · 1 something else failed · 2 wrong arguments · 3 bad link or name · \
    4 server unreachable or not a Confab server · 5 the server refused the join · 6 a file can't be read or written";

/// Arguments of the program.
#[derive(Debug, Parser)]
#[command(name = "confab-peer", version, about = "A Confab participant without a window", after_help = EXIT_CODES)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Join a call; lines on standard input are sent as chat
    Join(Box<Join>),
    /// List the microphones, speakers and cameras of this computer, each by its id and name, and its screens and windows
    Devices(Devices),
}

/// Arguments of `devices`.
#[derive(Debug, Args)]
pub struct Devices {
    /// One JSON object on standard output
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `join`.
#[derive(Debug, Args)]
pub struct Join {
    /// Room link: http(s)://host[:port]/r/<room>
    pub link: String,
    /// Name that others see
    #[arg(long, default_value = "confab-peer")]
    pub name: String,
    /// What the server asks of those it lets in, as its operator gave it. The variable CONFAB_TOKEN says the same, and other
    /// users of this computer don't see it
    #[arg(long, value_parser = parse_token)]
    pub token: Option<String>,
    /// Picture to send: pattern, FILE.y4m, camera[:NAME], screen[:N], window:TITLE or none
    #[arg(long, default_value = "none")]
    pub video: VideoSource,
    /// What to share beside it, as a stream of its own: screen[:N], window:TITLE, pattern or FILE.y4m
    #[arg(long, value_name = "SOURCE", default_value = "none")]
    pub share: VideoSource,
    /// Sound that goes along with it: what other programs play here, or any other sound that can be sent
    #[arg(
        long, value_name = "SOURCE", requires = "share", num_args = 0..=1, require_equals = true,
        default_value = "none", default_missing_value = "system"
    )]
    pub share_sound: AudioSource,
    /// Sound to send: tone[:Hz], FILE.wav, mic[:NAME], system (what other programs play here) or none
    #[arg(long, default_value = "none")]
    pub audio: AudioSource,
    /// What is done to a microphone's sound: any of echo,noise,gain with commas between them, or none
    #[arg(long, value_name = "PARTS", default_value = "echo,noise,gain", value_parser = parse_processing)]
    pub processing: Processing,
    /// Where to play the others: speaker[:NAME] or none
    #[arg(long, default_value = "none")]
    pub speaker: AudioSink,
    /// Size of the picture sent
    #[arg(long, value_name = "WxH", default_value = "1280x720", value_parser = parse_size)]
    pub size: (u32, u32),
    /// Frames per second sent
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=60))]
    pub fps: u32,
    /// Bitrate of the picture sent, in kbit/s
    #[arg(long, default_value_t = 1500, value_parser = clap::value_parser!(u32).range(30..=20_000))]
    pub bitrate: u32,
    /// Write each remote's picture (IVF) and sound (WAV) into this folder
    #[arg(long, value_name = "DIR")]
    pub record: Option<PathBuf>,
    /// Leave after this many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = parse_seconds)]
    pub seconds: Option<f64>,
    /// One JSON object a line on standard output
    #[arg(long)]
    pub json: bool,
    /// Do not decode received video; H.264, which is not decoded here, is received only then
    #[arg(long)]
    pub no_decode: bool,
    /// Compare received pictures with the test pattern of this size: each is told in the statistics
    #[arg(long, value_name = "WxH", value_parser = parse_size, conflicts_with = "no_decode")]
    pub compare: Option<(u32, u32)>,
}

fn parse_size(text: &str) -> Result<(u32, u32), String> {
    let (width, height) = text.split_once('x').ok_or("a size looks like 1280x720")?;
    let side = |text: &str| match text.parse::<u32>() {
        Ok(side) if (16..=3840).contains(&side) && side % 2 == 0 => Ok(side),
        _ => Err("each side must be an even number of 16 to 3840 pixels".to_owned()),
    };
    Ok((side(width)?, side(height)?))
}

fn parse_processing(text: &str) -> Result<Processing, String> {
    let mut processing = Processing { echo_cancellation: false, noise_suppression: false, gain_control: false };
    for part in text.split(',').filter(|_| text != "none") {
        match part {
            "echo" => processing.echo_cancellation = true,
            "noise" => processing.noise_suppression = true,
            "gain" => processing.gain_control = true,
            _ => return Err(format!("\"{part}\" is none of echo, noise and gain")),
        }
    }
    Ok(processing)
}

fn parse_token(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("a token is not empty".to_owned()),
        token => Ok(token.to_owned()),
    }
}

fn parse_seconds(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(seconds) if seconds > 0.0 && seconds <= 1e7 => Ok(seconds),
        _ => Err("seconds must be a number above 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn a_share_has_the_sound_that_is_named() {
        let parse = |arguments: &[&str]| {
            let words = ["confab-peer", "join", "http://localhost/r/a"].iter().chain(arguments);
            let Command::Join(join) = Arguments::try_parse_from(words)?.command else { unreachable!("join was asked") };
            Ok::<_, clap::Error>(join.share_sound)
        };
        assert_eq!(parse(&["--share", "screen"]).unwrap(), AudioSource::None);
        assert_eq!(parse(&["--share", "screen", "--share-sound"]).unwrap(), AudioSource::System);
        assert_eq!(parse(&["--share", "screen", "--share-sound=tone:880"]).unwrap(), AudioSource::Tone(880.0));
        assert!(parse(&["--share-sound"]).is_err(), "sound of nothing");
    }

    #[test]
    fn sizes_and_times_are_checked() {
        assert_eq!(parse_size("640x360"), Ok((640, 360)));
        for bad in ["", "640", "641x360", "0x0", "9999x9999", "axb", "-1x2"] {
            assert!(parse_size(bad).is_err(), "{bad}");
        }
        assert!(parse_seconds("0").is_err() && parse_seconds("NaN").is_err() && parse_seconds("inf").is_err());
        assert_eq!(parse_seconds("0.5"), Ok(0.5));
    }

    #[test]
    fn parts_of_processing_are_named() {
        assert_eq!(parse_processing("gain,echo,noise"), Ok(Processing::default()));
        let noise = Processing { echo_cancellation: false, noise_suppression: true, gain_control: false };
        assert_eq!(parse_processing("noise"), Ok(noise));
        assert_eq!(parse_processing("none"), Ok(Processing { noise_suppression: false, ..noise }));
        assert!(parse_processing("").is_err() && parse_processing("echo,none").is_err());
    }
}
