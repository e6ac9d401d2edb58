//! `confab-peer`: a participant without a window.

mod args;
mod devices;
mod plain;
mod report;
mod sentences;
mod stdin;

use args::{Arguments, Command, Join};
use clap::Parser;
use confab_call::{Call, CallConfig, CallEvents, VideoConfig, VideoSource};
use confab_ipc::{CallState, DeviceState, ErrorCode, UiEvent, UserError, link_with_token};
use confab_wire::{limits, media::Decoders};
use report::Reporter;
use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use stdin::Line;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing_subscriber::{EnvFilter, filter::filter_fn, layer::SubscriberExt, util::SubscriberInitExt};

/// The variable that holds the token, where no argument does.
const TOKEN: &str = "CONFAB_TOKEN";
/// Messages a second from standard input: fewer than a peer takes, which drops the others.
const MESSAGES_PER_SECOND: u32 = limits::CTRL_FRAMES_PER_SECOND * 4 / 5;
/// Messages of standard input that are sent at once.
const MESSAGES_AT_ONCE: u32 = 50;

fn main() -> ExitCode {
    if let Some((name, value)) = confab_call::sound_environment() {
        // SAFETY: the first statement of the program; no other thread runs yet.
        unsafe { std::env::set_var(name, value) };
    }
    let arguments = Arguments::parse();
    start_log();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("confab-peer can't start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let (mut reporter, result) = match arguments.command {
        Command::Join(join) => {
            let mut reporter = Reporter::new(join.json, join.record.clone());
            let result = runtime.block_on(run(*join, &mut reporter));
            (reporter, result)
        }
        Command::Devices(wish) => (Reporter::new(wish.json, None), runtime.block_on(devices::list(wish.json))),
    };
    // The thread that waits for standard input never ends by itself.
    runtime.shutdown_background();
    match result {
        Ok(()) if reporter.recording_failed() => ExitCode::from(exit_code(ErrorCode::RecordFailed)),
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            reporter.error(&error);
            ExitCode::from(exit_code(error.code))
        }
    }
}

/// Starts the log, to standard error; `RUST_LOG` decides.
fn start_log() {
    // The libraries below call errors what is an ordinary part of setting up a connection.
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("error,webrtc=off,rtc=off,pulseaudio=off"));
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .finish();
    log.with(filter_fn(confab_call::is_logged)).init();
}

/// The exit code of an error, as `--help` says.
fn exit_code(code: ErrorCode) -> u8 {
    match code {
        ErrorCode::BadLink | ErrorCode::BadName => 3,
        ErrorCode::ServerUnreachable | ErrorCode::UntrustedCertificate | ErrorCode::NotConfab => 4,
        ErrorCode::JoinRefused | ErrorCode::RoomFull | ErrorCode::RoomClosed => 5,
        ErrorCode::FileUnreadable | ErrorCode::FileFormat | ErrorCode::RecordFailed => 6,
        _ => 1,
    }
}

async fn run(join: Join, reporter: &mut Reporter) -> Result<(), UserError> {
    let token = join.token.or_else(|| std::env::var(TOKEN).ok()).filter(|token| !token.trim().is_empty());
    let link = link_with_token(&join.link, token.as_deref())?;
    confab_call::check_files(
        vec![join.video.clone(), join.share.clone()],
        vec![join.audio.clone(), join.share_sound.clone()],
    )
    .await?;
    if let Some(dir) = &join.record {
        check_folder(dir).map_err(|error| UserError::with_detail(ErrorCode::RecordFailed, error))?;
    }
    let config = CallConfig {
        video_config: VideoConfig {
            width: join.size.0,
            height: join.size.1,
            fps: join.fps,
            bitrate: join.bitrate.saturating_mul(1000),
        },
        mic_on: !matches!(join.audio, confab_call::AudioSource::None),
        camera_on: join.video != VideoSource::None,
        video: join.video,
        audio: join.audio,
        processing: join.processing,
        speaker: join.speaker,
        record: join.record,
        // What is not decoded here, may be whatever it is.
        decoders: Decoders { h264: join.no_decode },
        decode: !join.no_decode,
        compare: join.compare,
        ..CallConfig::new(link, join.name)
    };
    let interrupted = interrupted()?;
    tokio::pin!(interrupted);
    let (call, events) = tokio::select! {
        joined = Call::join(config) => joined?,
        () = &mut interrupted => return Ok(()),
    };
    reporter.connected(call.view().await);
    let sharer = call.clone();
    // Beside the rest: a desktop may ask a person what to share, who may take minutes.
    let unshared = async move {
        if join.share != VideoSource::None
            && let Err(error) = sharer.start_share(join.share, join.share_sound).await
        {
            return error;
        }
        std::future::pending().await
    };
    let mut participant = Participant { call, events, reporter, lines: stdin::lines(), failed: None };
    let limit = async {
        match join.seconds {
            Some(seconds) => tokio::time::sleep(Duration::from_secs_f64(seconds)).await,
            None => std::future::pending().await,
        }
    };
    let failed = tokio::select! {
        () = participant.talk() => None,
        error = unshared => Some(error),
        () = limit => None,
        () = interrupted => None,
    };
    participant.failed = participant.failed.or(failed);
    participant.leave().await
}

/// Makes a folder and finds out whether files can be made in it: a recording that can't be is an error before the call.
fn check_folder(dir: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join(format!(".confab-peer-{}", std::process::id()));
    std::fs::File::create(&file)?;
    std::fs::remove_file(file)
}

/// Completes on the first interrupt or termination signal.
fn interrupted() -> Result<impl Future<Output = ()>, UserError> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let listen = |kind| signal(kind).map_err(|error| UserError::with_detail(ErrorCode::Internal, error));
        let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
        Ok(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    })
}

struct Participant<'a> {
    call: Call,
    events: CallEvents,
    reporter: &'a mut Reporter,
    /// Of standard input.
    lines: mpsc::Receiver<Line>,
    failed: Option<UserError>,
}

impl Participant<'_> {
    /// Reports events and sends lines of standard input as chat until the call ends.
    async fn talk(&mut self) {
        let interval = Duration::from_secs(1) / MESSAGES_PER_SECOND;
        // When all messages so far would be sent at an even pace.
        let mut paced = Instant::now();
        loop {
            let next_line = async {
                sleep_until(paced.checked_sub(interval * MESSAGES_AT_ONCE).unwrap_or(paced)).await;
                next_line(&mut self.lines).await
            };
            tokio::select! {
                event = self.events.recv() => match event {
                    Some(event) => {
                        if !self.event(event).await {
                            return;
                        }
                    }
                    None => return,
                },
                line = next_line => {
                    paced = paced.max(Instant::now()) + interval;
                    self.send(line).await;
                }
            }
        }
    }

    /// Sends a line of standard input.
    async fn send(&mut self, line: Line) {
        let text = match line {
            Line::Text(text) => text,
            Line::Mended(text) => {
                self.reporter.chat_warning(
                    "A line is not UTF-8. What can't be read of it is sent as \u{FFFD}; set your terminal to UTF-8.",
                );
                text
            }
            Line::TooLong => return self.reporter.error(&ErrorCode::ChatText.into()),
        };
        if let Err(error) = self.call.send_chat(text).await {
            self.reporter.error(&error);
        }
    }

    /// False if the call is over.
    async fn event(&mut self, event: UiEvent) -> bool {
        if let UiEvent::Me { me } = &event
            && let Some(error) = file_error(&me.mic).or_else(|| file_error(&me.camera))
        {
            self.failed = Some(error);
            return false;
        }
        if event == (UiEvent::CallState { state: CallState::Idle }) {
            return false;
        }
        let pictures = match &event {
            UiEvent::Stats { .. } => self.call.received_picture_stats().await,
            _ => Vec::new(),
        };
        self.reporter.event(event, &pictures);
        true
    }

    async fn leave(mut self) -> Result<(), UserError> {
        if self.lines.try_recv().is_ok() {
            self.reporter.chat_warning("Lines of standard input are not sent: the call ended before.");
        }
        let call = self.call.clone();
        let leaving = tokio::spawn(async move { call.leave().await });
        // The last events, and room for the call to say them.
        while let Some(event) = self.events.recv().await {
            // What ended the call is said once, and what its devices are now does not matter.
            if !matches!(event, UiEvent::Levels { .. } | UiEvent::Stats { .. } | UiEvent::Me { .. }) {
                self.reporter.event(event, &[]);
            }
        }
        let _ = leaving.await;
        match self.failed {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }
}

/// A source file that cannot be played is a mistake of the caller, not a state of a device.
fn file_error(device: &DeviceState) -> Option<UserError> {
    match device {
        DeviceState::Failed { error } if matches!(error.code, ErrorCode::FileUnreadable | ErrorCode::FileFormat) => {
            Some(error.clone())
        }
        _ => None,
    }
}

/// The next line; pends for ever after the end of standard input, so that the call goes on.
async fn next_line(lines: &mut mpsc::Receiver<Line>) -> Line {
    match lines.recv().await {
        Some(line) => line,
        None => std::future::pending().await,
    }
}
