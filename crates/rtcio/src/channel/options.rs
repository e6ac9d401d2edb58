//! What a channel is asked to be, and what goes through it.

use super::ChannelError;
use bytes::Bytes;
use confab_wire::ctrl::CHANNEL_PREFIX;
use webrtc::data_channel::RTCDataChannelInit;

/// Streams 1 to this are for named channels; 0 is `ctrl`. Chromium has 1024 streams.
const STREAMS: u32 = 1023;
/// Longest name, with its prefix: the limit of a label (W3C WebRTC section 6.1).
const LABEL_BYTES: usize = 65_535;

/// Options of a channel: `ChannelOptions` of rtc.io. Both sides should give the same `ordered`, `max_retransmits` and
/// `max_packet_life_time`: each rules what its own side sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelOptions {
    /// False: messages may overtake each other (`ordered`; true if not given).
    pub ordered: Option<bool>,
    /// How often a lost piece of a message is sent again before the message is given up (`maxRetransmits`, RFC 3758).
    pub max_retransmits: Option<u16>,
    /// For how many milliseconds a message is sent again before it is given up (`maxPacketLifeTime`, RFC 3758).
    pub max_packet_life_time: Option<u16>,
    /// Bytes that may wait on this side before the channel is open, and above the high mark (`queueBudget`, 1 MiB).
    pub queue_budget: usize,
    /// Bytes that the peer has not yet taken, at which messages begin to wait on this side (`highWatermark`, 16 MiB).
    pub high_watermark: usize,
    /// Bytes that the peer has not yet taken, at which waiting messages go on (`lowWatermark`, 1 MiB).
    pub low_watermark: usize,
}

impl Default for ChannelOptions {
    fn default() -> Self {
        Self {
            ordered: None,
            max_retransmits: None,
            max_packet_life_time: None,
            queue_budget: 1 << 20,
            high_watermark: 16 << 20,
            low_watermark: 1 << 20,
        }
    }
}

impl ChannelOptions {
    /// Refuses what no channel can be.
    pub(super) fn check(&self) -> Result<(), ChannelError> {
        if self.max_retransmits.is_some() && self.max_packet_life_time.is_some() {
            return Err(ChannelError::Reliability);
        }
        if self.low_watermark >= self.high_watermark || u32::try_from(self.low_watermark).is_err() {
            return Err(ChannelError::Watermarks { low: self.low_watermark, high: self.high_watermark });
        }
        Ok(())
    }

    /// The channel as the library is to make it.
    pub(super) fn init(&self, id: u16) -> RTCDataChannelInit {
        RTCDataChannelInit {
            ordered: self.ordered.unwrap_or(true),
            max_retransmits: self.max_retransmits,
            max_packet_life_time: self.max_packet_life_time,
            negotiated: Some(id),
            ..RTCDataChannelInit::default()
        }
    }
}

/// The label of a channel, which is not on the wire.
pub(super) fn label(name: &str) -> Result<String, ChannelError> {
    let label = format!("{CHANNEL_PREFIX}{name}");
    if label.len() > LABEL_BYTES { Err(ChannelError::Name(name.len())) } else { Ok(label) }
}

/// The SCTP stream of a name: FNV-1a over its UTF-16 code units, in 1 to [`STREAMS`] (protocol section 3).
pub(super) fn stream_id(name: &str) -> u16 {
    let hash =
        name.encode_utf16().fold(0x811c_9dc5_u32, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193));
    // Below 1024, always.
    (hash % STREAMS + 1) as u16
}

/// A message: bytes, or text. The other side gets bytes as `data`, and text as the event whose envelope it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChannelData {
    /// A binary frame.
    Bytes(Bytes),
    /// A text frame.
    Text(String),
}

impl ChannelData {
    /// Bytes on the wire.
    pub fn len(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Text(text) => text.len(),
        }
    }

    /// True for a message without a byte, which is sent all the same.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What the message takes of the queue budget. rtc.io counts two bytes for each UTF-16 unit of a text.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Text(text) => 2 * text.encode_utf16().count(),
        }
    }
}

impl From<Bytes> for ChannelData {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for ChannelData {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&'static [u8]> for ChannelData {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

impl From<String> for ChannelData {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<&str> for ChannelData {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Where a channel to one peer is: `readyState` of rtc.io.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadyState {
    /// Messages wait for the connection.
    Connecting,
    /// Messages go.
    Open,
    /// [`crate::Channel::close`] was called.
    Closing,
    /// Over. Make the channel anew by its name.
    Closed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stream_of_a_name_is_the_one_that_rtc_io_computes() {
        // Computed with the stock client's hash in a JavaScript engine.
        for (name, id) in [("", 257), ("chat", 721), ("file", 139), ("añ😀 канал", 533), ("c42", 972), ("c94", 972)]
        {
            assert_eq!(stream_id(name), id, "{name}");
        }
    }

    #[test]
    fn text_weighs_what_rtc_io_counts() {
        assert_eq!(ChannelData::from("añ😀").weight(), 8);
        assert_eq!(ChannelData::from(vec![0; 5]).weight(), 5);
    }

    #[test]
    fn options_that_contradict_themselves_are_refused() {
        let both = ChannelOptions { max_retransmits: Some(1), max_packet_life_time: Some(1), ..Default::default() };
        assert_eq!(both.check(), Err(ChannelError::Reliability));
        let marks = ChannelOptions { high_watermark: 1 << 20, ..Default::default() };
        assert_eq!(marks.check(), Err(ChannelError::Watermarks { low: 1 << 20, high: 1 << 20 }));
        assert_eq!(ChannelOptions::default().check(), Ok(()));
    }
}
