//! What a data channel is asked to be.

use super::DataChannelError;
use webrtc::data_channel::RTCDataChannelInit;

/// Largest message in bytes: what Chromium and the SCTP library take at most in one message (RFC 8841 section 6).
pub const MESSAGE_BYTES: usize = 256 * 1024;
/// Longest label in bytes (W3C webrtc-pc section 6.1).
const LABEL_BYTES: usize = 65_535;

/// Order, reliability and flow control of a data channel. The first three rule what this side sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DataChannelOptions {
    /// False: messages may overtake each other.
    pub ordered: bool,
    /// How often a lost piece of a message is sent again before the message is given up (RFC 3758).
    pub max_retransmits: Option<u16>,
    /// For how many milliseconds a message is sent again before it is given up (RFC 3758).
    pub max_packet_life_time: Option<u16>,
    /// Bytes that may wait on this side before the channel is open, and above the high mark.
    pub queue_budget: usize,
    /// Bytes that the remote has not yet taken, at which messages begin to wait on this side.
    pub high_watermark: usize,
    /// Bytes that the remote has not yet taken, at which waiting messages go on.
    pub low_watermark: usize,
}

impl Default for DataChannelOptions {
    fn default() -> Self {
        Self {
            ordered: true,
            max_retransmits: None,
            max_packet_life_time: None,
            queue_budget: 1 << 20,
            high_watermark: 16 << 20,
            low_watermark: 1 << 20,
        }
    }
}

impl DataChannelOptions {
    /// Refuses what no channel can be.
    pub fn check(&self) -> Result<(), DataChannelError> {
        if self.max_retransmits.is_some() && self.max_packet_life_time.is_some() {
            return Err(DataChannelError::Reliability);
        }
        if self.low_watermark >= self.high_watermark || u32::try_from(self.low_watermark).is_err() {
            return Err(DataChannelError::Watermarks { low: self.low_watermark, high: self.high_watermark });
        }
        Ok(())
    }
}

/// A data channel to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelSpec {
    /// What the dialect calls it: in [`crate::RemotePeerEvent::DataChannel`], in errors and in the log.
    pub name: String,
    /// Its label (W3C webrtc-pc section 6.1).
    pub label: String,
    /// Its subprotocol.
    pub protocol: String,
    /// The SCTP stream on which both sides agreed (`negotiated` and `id`); `None` opens it in-band (RFC 8832).
    pub negotiated: Option<u16>,
    /// Order, reliability, flow control.
    pub options: DataChannelOptions,
}

impl ChannelSpec {
    /// A channel on an SCTP stream that both sides know.
    pub fn negotiated(name: &str, label: String, id: u16, options: DataChannelOptions) -> Self {
        Self { name: name.to_owned(), label, protocol: String::new(), negotiated: Some(id), options }
    }

    /// A channel that this side opens in-band; its name is its label.
    pub fn in_band(label: &str, options: DataChannelOptions) -> Self {
        let (name, label) = (label.to_owned(), label.to_owned());
        Self { name, label, protocol: String::new(), negotiated: None, options }
    }

    /// Refuses what no channel can be.
    pub fn check(&self) -> Result<(), DataChannelError> {
        self.options.check()?;
        if self.label.len() > LABEL_BYTES { Err(DataChannelError::Label(self.label.len())) } else { Ok(()) }
    }

    /// The channel as the library is to make it.
    pub(crate) fn init(&self) -> RTCDataChannelInit {
        RTCDataChannelInit {
            ordered: self.options.ordered,
            max_retransmits: self.options.max_retransmits,
            max_packet_life_time: self.options.max_packet_life_time,
            protocol: self.protocol.clone(),
            negotiated: self.negotiated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_that_contradict_themselves_are_refused() {
        let both = DataChannelOptions { max_retransmits: Some(1), max_packet_life_time: Some(1), ..Default::default() };
        assert_eq!(both.check(), Err(DataChannelError::Reliability));
        let marks = DataChannelOptions { high_watermark: 1 << 20, ..Default::default() };
        assert_eq!(marks.check(), Err(DataChannelError::Watermarks { low: 1 << 20, high: 1 << 20 }));
        assert_eq!(DataChannelOptions::default().check(), Ok(()));
    }
}
