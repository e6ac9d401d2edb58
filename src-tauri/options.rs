//! The command line of the app. People start it from the menu; the options are for links, automation and tests. Links, names and
//! tokens are taken as they come: what is wrong with one is said in the window, where it can be mended.

use clap::Parser;
use confab_call::{AudioSink, AudioSource, VideoSource};
use std::path::PathBuf;

/// Video calls without a browser.
#[derive(Debug, Clone, Parser)]
#[command(name = "confab", version)]
pub struct Options {
    /// Link to offer for joining, as the system passes it when a confab:// link is opened
    #[arg(value_name = "LINK")]
    pub open: Option<String>,

    /// Join this room at once
    #[arg(long, value_name = "LINK", conflicts_with_all = ["start", "open"])]
    pub join: Option<String>,

    /// Start a call at once
    #[arg(long, conflicts_with = "open")]
    pub start: bool,

    /// Name that the others see [default: the one used last]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Token for the server, if it asks for one
    #[arg(long, value_name = "TOKEN", env = "CONFAB_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Picture to send: camera, camera:NAME, pattern, FILE.y4m or none
    #[arg(long, value_name = "SOURCE", default_value = "camera")]
    pub video: VideoSource,

    /// Sound to send: mic, mic:NAME, tone, tone:HZ, FILE.wav or none
    #[arg(long, value_name = "SOURCE", default_value = "mic")]
    pub audio: AudioSource,

    /// Where the others are heard: speaker, speaker:NAME or none
    #[arg(long, value_name = "SINK", default_value = "speaker")]
    pub speaker: AudioSink,

    /// Folder for settings and browser data; an app with its own folder runs beside others
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
}

impl Options {
    /// The text that is to be a link in the arguments of a second start of the app (`args[0]` is the program), if there is one.
    /// Whoever can start programs may pass anything, so the rest of it is ignored.
    pub fn link_of_second_start(args: &[String]) -> Option<String> {
        let options = Self::try_parse_from(args).ok()?;
        options.open.or(options.join)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Options, clap::Error> {
        Options::try_parse_from(std::iter::once("confab").chain(args.iter().copied()))
    }

    #[test]
    fn without_options_it_is_camera_microphone_and_speaker() {
        let options = parse(&[]).unwrap();
        assert!(matches!(options.video, VideoSource::Camera(None)));
        assert!(matches!(options.audio, AudioSource::Mic(None)));
        assert!(matches!(options.speaker, AudioSink::Speaker(None)));
        assert!(options.join.is_none() && options.open.is_none() && !options.start);
    }

    #[test]
    fn automation_says_all() {
        let options = parse(&[
            "--join",
            "http://127.0.0.1:7420/r/babad",
            "--name",
            " Ann ",
            "--video",
            "pattern",
            "--audio",
            "tone:440",
            "--speaker",
            "none",
            "--data-dir",
            "d",
        ])
        .unwrap();
        assert_eq!(options.join.as_deref(), Some("http://127.0.0.1:7420/r/babad"));
        assert_eq!(options.name.as_deref(), Some(" Ann "));
        assert!(matches!(options.video, VideoSource::Pattern));
        assert!(matches!(options.speaker, AudioSink::None));
    }

    #[test]
    fn bad_values_are_named_and_exit_with_2() {
        for (args, words) in [
            (&["--speaker", "loud"][..], "speaker:NAME"),
            (&["--video", "film.mkv"], "film.mkv"),
            (&["--start", "--join", "http://h/r/a"], "cannot be used with"),
            (&["--unknown"], "unexpected argument"),
        ] {
            let error = parse(args).unwrap_err();
            assert!(error.to_string().contains(words), "{args:?}: {error}");
            assert_eq!(error.exit_code(), 2);
        }
    }

    #[test]
    fn what_can_be_mended_in_the_window_does_not_end_the_program() {
        assert_eq!(parse(&["--join", "hello"]).unwrap().join.as_deref(), Some("hello"));
        assert_eq!(parse(&["--name", "", "--start"]).unwrap().name.as_deref(), Some(""));
        assert_eq!(parse(&["confab://join?link=x"]).unwrap().open.as_deref(), Some("confab://join?link=x"));
    }

    #[test]
    fn a_second_start_hands_over_its_link_and_nothing_else() {
        let args = |args: &[&str]| args.iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        let link = |list: &[&str]| Options::link_of_second_start(&args(list));
        let app = "confab://join?link=http%3A%2F%2Fh%2Fr%2Fa";
        assert_eq!(link(&["confab", app]).as_deref(), Some(app));
        assert_eq!(link(&["confab", "--join", "http://h/r/b"]).as_deref(), Some("http://h/r/b"));
        assert_eq!(link(&["confab"]), None);
        assert_eq!(link(&["confab", "--record", "/etc"]), None);
        assert_eq!(link(&[]), None);
    }
}
