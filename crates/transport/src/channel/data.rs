//! A message of a data channel.

use bytes::Bytes;

/// A message: bytes, or text.
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

    /// What the message takes of the queue budget: two bytes for each UTF-16 unit of a text, as a JavaScript string has.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_weighs_two_bytes_for_each_unit() {
        assert_eq!(ChannelData::from("añ😀").weight(), 8);
        assert_eq!(ChannelData::from(vec![0; 5]).weight(), 5);
    }
}
