//! Names of serializations.

use std::fmt;
use std::str::FromStr;

/// How a data connection turns values into frames (`serialization` of PeerJS). Both sides have the same one: the offer says
/// which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Serialization {
    /// BinaryPack, in chunks where a value is large: the default. Every kind of value.
    #[default]
    Binary,
    /// JSON, in one frame of less than 16,300 bytes. No bytes.
    Json,
    /// Strings and bytes as they are; everything else as JavaScript turns it into a string. Frames of 256 KiB at most.
    Raw,
    /// MessagePack, as the class `MsgPack` of PeerJS has it: a page has to register that. Every kind of value.
    MsgPack,
}

impl Serialization {
    /// What stands in an offer.
    pub fn name(self) -> &'static str {
        match self {
            Self::Binary => "binary",
            Self::Json => "json",
            Self::Raw => "raw",
            Self::MsgPack => "MsgPack",
        }
    }
}

impl fmt::Display for Serialization {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A name that no serialization has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no serialization is called {0:?}")]
pub struct UnknownSerialization(pub(crate) String);

impl FromStr for Serialization {
    type Err = UnknownSerialization;

    /// Takes the names of today, and those of PeerJS' old reference: `binary-utf8` is `binary`, `none` is `raw`.
    fn from_str(name: &str) -> Result<Self, UnknownSerialization> {
        match name {
            "binary" | "binary-utf8" | "default" => Ok(Self::Binary),
            "json" => Ok(Self::Json),
            "raw" | "none" => Ok(Self::Raw),
            "MsgPack" => Ok(Self::MsgPack),
            _ => Err(UnknownSerialization(name.chars().take(32).collect())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_names_are_taken_and_todays_are_said() {
        for (name, said) in [("binary", "binary"), ("binary-utf8", "binary"), ("none", "raw"), ("MsgPack", "MsgPack")] {
            assert_eq!(name.parse::<Serialization>().unwrap().name(), said);
        }
        assert!("msgpack".parse::<Serialization>().is_err());
        assert_eq!(Serialization::default().to_string(), "binary");
    }
}
