//! Capture of what other programs play, without what this program plays: peers do not get their own sound back.
//!
//! A sound server has all that is played in the monitor of a speaker, the call included. It also gives what a single
//! program plays ("direct on input"): one such stream for each program but this, summed.

mod connection;
mod stream_buffer;

use std::collections::HashMap;
use std::time::Instant;

use confab_wire::media::AUDIO_CLOCK_HZ;
use pulseaudio::protocol::stream::{BufferAttr, StreamFlags};
use pulseaudio::protocol::{
    ChannelMap, Command, CreateRecordStreamReply, Prop, Props, ProtocolError, RecordStreamParams, SampleFormat,
    SampleSpec, SinkInputInfo, SinkInputInfoList, SubscriptionEventFacility,
};

use self::connection::{CONTROL, PulseConnection, PulseMessage};
use self::stream_buffer::StreamBuffer;
use crate::audio::dsp::limiter::Limiter;
use crate::audio::source::types::{AudioFrameSource, FrameTimer};
use crate::error::{Error, ErrorKind};
use crate::format::BLOCK;
use crate::format::FRAME;
use crate::thread::stop::StopFlag;

/// Most sound that the server keeps before it sends it, in bytes: 20 ms. It also bounds how far ahead the speaker's mix is
/// made, which may else be two seconds.
const FRAGMENT: u32 = (FRAME * size_of::<f32>()) as u32;

/// What the server is asked for.
#[derive(Debug, Clone, Copy)]
enum PendingRequest {
    /// All that is played.
    Inputs,
    /// The sound of the input with this index.
    Record(u32),
}

/// Something that a program plays ("sink input").
#[derive(Debug, Default)]
struct Input {
    /// The channel on which its sound comes, once the server has replied.
    channel: Option<u32>,
    buffer: StreamBuffer,
}

/// The sum of what other programs play, 20 ms at a time; silence while they play nothing.
#[derive(Debug)]
pub(crate) struct SystemSound {
    server: PulseConnection,
    /// By what is not answered yet.
    pending: HashMap<u32, PendingRequest>,
    /// What was listed may have changed since it was asked for.
    outdated: bool,
    /// By the server's index.
    inputs: HashMap<u32, Input>,
    /// The last of what has ended.
    draining: Vec<StreamBuffer>,
    timer: FrameTimer,
    limiter: Limiter,
}

impl SystemSound {
    /// Connects to the sound server. Blocks for a few seconds at most. Fails with `SystemSoundUnsupported`.
    pub(crate) fn open() -> Result<Self, Error> {
        let unsupported = |error| Error::with_detail(ErrorKind::SystemSoundUnsupported, error);
        let mut sound = Self {
            server: PulseConnection::connect().map_err(unsupported)?,
            pending: HashMap::new(),
            outdated: false,
            inputs: HashMap::new(),
            draining: Vec::new(),
            timer: FrameTimer::new(),
            limiter: Limiter::default(),
        };
        sound.request_inputs().map_err(unsupported)?;
        Ok(sound)
    }

    /// Takes what the server sends until `due`, or what is there if that has passed.
    fn receive_until(&mut self, due: Instant) -> Result<(), ProtocolError> {
        loop {
            self.server.receive(due)?;
            while let Some(message) = self.server.next()? {
                self.handle_message(&message)?;
            }
            if Instant::now() >= due {
                return Ok(());
            }
        }
    }

    fn handle_message(&mut self, message: &PulseMessage) -> Result<(), ProtocolError> {
        if message.channel == CONTROL {
            return self.handle_command(&message.body);
        }
        if let Some(input) = self.inputs.values_mut().find(|input| input.channel == Some(message.channel)) {
            input.buffer.push(&message.body);
        }
        Ok(())
    }

    fn handle_command(&mut self, mut body: &[u8]) -> Result<(), ProtocolError> {
        let (sequence, command) = match self.server.parse(&mut body) {
            Ok(parsed) => parsed,
            Err(error) => {
                tracing::debug!(%error, "a message of the sound server that is not known");
                return Ok(());
            }
        };
        match command {
            Command::Reply => match self.pending.remove(&sequence) {
                Some(PendingRequest::Inputs) => {
                    let inputs: SinkInputInfoList = self.server.answer(body)?;
                    self.update_inputs(&inputs)
                }
                Some(PendingRequest::Record(index)) => {
                    let stream: CreateRecordStreamReply = self.server.answer(body)?;
                    self.recording_started(index, stream.channel)
                }
                None => Ok(()),
            },
            Command::Error(error) => {
                if let Some(PendingRequest::Record(index)) = self.pending.remove(&sequence) {
                    // It has ended meanwhile; if it has moved, its next event asks again.
                    tracing::debug!(index, %error, "what a program plays can't be had");
                    self.inputs.remove(&index);
                }
                Ok(())
            }
            Command::RecordStreamKilled(channel) => self.stream_killed(channel),
            Command::SubscribeEvent(event) if event.event_facility == SubscriptionEventFacility::SinkInput => {
                self.request_inputs()
            }
            _ => Ok(()),
        }
    }

    /// Asks what is played, once for all that happens until the answer comes.
    fn request_inputs(&mut self) -> Result<(), ProtocolError> {
        self.outdated = self.pending.values().any(|request| matches!(request, PendingRequest::Inputs));
        if !self.outdated {
            self.request(&Command::GetSinkInputInfoList, PendingRequest::Inputs)?;
        }
        Ok(())
    }

    fn request(&mut self, command: &Command, request: PendingRequest) -> Result<(), ProtocolError> {
        let sequence = self.server.send(command)?;
        self.pending.insert(sequence, request);
        Ok(())
    }

    fn update_inputs(&mut self, listed: &[SinkInputInfo]) -> Result<(), ProtocolError> {
        let gone: Vec<u32> =
            self.inputs.keys().copied().filter(|index| listed.iter().all(|input| input.index != *index)).collect();
        for index in gone {
            if let Some(channel) = self.end(index) {
                self.server.send(&Command::DeleteRecordStream(channel))?;
            }
        }
        let others = listed.iter().filter(|input| is_played_by_others(input)).map(|input| input.index);
        let new: Vec<u32> = others.filter(|index| !self.inputs.contains_key(index)).collect();
        for index in new {
            self.request(&Command::CreateRecordStream(record_params(index)), PendingRequest::Record(index))?;
            self.inputs.insert(index, Input::default());
        }
        if std::mem::take(&mut self.outdated) { self.request_inputs() } else { Ok(()) }
    }

    /// The sound of an input comes on `channel`.
    fn recording_started(&mut self, index: u32, channel: u32) -> Result<(), ProtocolError> {
        match self.inputs.get_mut(&index) {
            Some(input) => input.channel = Some(channel),
            // It ended while it was asked for.
            None => drop(self.server.send(&Command::DeleteRecordStream(channel))?),
        }
        Ok(())
    }

    /// The server has ended a stream: its input is gone, or has moved to another speaker and is to be had there.
    fn stream_killed(&mut self, channel: u32) -> Result<(), ProtocolError> {
        let killed = self.inputs.iter().find(|(_, input)| input.channel == Some(channel)).map(|(index, _)| *index);
        if let Some(index) = killed {
            self.end(index);
        }
        self.request_inputs()
    }

    /// Forgets an input but for what is left of its sound. Returns its channel.
    fn end(&mut self, index: u32) -> Option<u32> {
        let Input { channel, mut buffer } = self.inputs.remove(&index)?;
        buffer.end();
        self.draining.push(buffer);
        channel
    }

    fn mix(&mut self, block: &mut [f32; BLOCK]) {
        block.fill(0.0);
        for buffer in self.inputs.values_mut().map(|input| &mut input.buffer).chain(&mut self.draining) {
            buffer.add_to(block);
        }
        self.draining.retain(|buffer| !buffer.is_silent());
        self.limiter.apply(block);
    }
}

impl AudioFrameSource for SystemSound {
    fn next(&mut self, frame: &mut [f32; FRAME], stop: &StopFlag) -> Result<bool, Error> {
        let due = self.timer.beat();
        self.receive_until(due).map_err(|error| Error::with_detail(ErrorKind::SystemSoundEnded, error))?;
        if stop.is_set() {
            return Ok(false);
        }
        for block in frame.as_chunks_mut::<BLOCK>().0 {
            self.mix(block);
        }
        Ok(true)
    }
}

/// True for what another program plays. What a module of the server plays is the sound of programs once more: that of a
/// virtual speaker, of a loop. PipeWire's modules are clients whose nodes are linked.
fn is_played_by_others(input: &SinkInputInfo) -> bool {
    let own = std::process::id().to_string();
    let process = input.props.get(Prop::ApplicationProcessId).unwrap_or_default();
    let process = process.strip_suffix(b"\0").unwrap_or(process);
    input.client_index.is_some() && process != own.as_bytes() && input.props.get_bytes(c"node.link-group").is_none()
}

/// A stream of what one input plays, as one channel at 48 kHz, wherever it plays.
fn record_params(index: u32) -> RecordStreamParams {
    let mut props = Props::new();
    props.set(Prop::MediaName, c"Shared sound");
    RecordStreamParams {
        sample_spec: SampleSpec { format: SampleFormat::Float32Le, channels: 1, sample_rate: AUDIO_CLOCK_HZ },
        channel_map: ChannelMap::mono(),
        buffer_attr: BufferAttr { fragment_size: FRAGMENT, ..BufferAttr::default() },
        flags: StreamFlags { adjust_latency: true, no_inhibit_auto_suspend: true, ..StreamFlags::default() },
        direct_on_input_index: Some(index),
        props,
        ..RecordStreamParams::default()
    }
}
