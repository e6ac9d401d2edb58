//! What a channel is asked to be, and what goes through it.

use confab_transport::channel::{ChannelSpec, DataChannelOptions};
use confab_wire::ctrl::CHANNEL_PREFIX;

/// Streams 1 to this are for named channels; 0 is `ctrl`. Chromium has 1024 streams.
const STREAMS: u32 = 1023;

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

/// The channel of that name, as the connection is to make it. The label is not on the wire.
pub(super) fn spec(name: &str, options: &ChannelOptions) -> ChannelSpec {
    let options = DataChannelOptions {
        ordered: options.ordered.unwrap_or(true),
        max_retransmits: options.max_retransmits,
        max_packet_life_time: options.max_packet_life_time,
        queue_budget: options.queue_budget,
        high_watermark: options.high_watermark,
        low_watermark: options.low_watermark,
    };
    ChannelSpec::negotiated(name, format!("{CHANNEL_PREFIX}{name}"), stream_id(name), options)
}

/// The SCTP stream of a name: FNV-1a over its UTF-16 code units, in 1 to [`STREAMS`] (protocol section 3).
pub(super) fn stream_id(name: &str) -> u16 {
    let hash =
        name.encode_utf16().fold(0x811c_9dc5_u32, |hash, unit| (hash ^ u32::from(unit)).wrapping_mul(0x0100_0193));
    // Below 1024, always.
    (hash % STREAMS + 1) as u16
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
}
