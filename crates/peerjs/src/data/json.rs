//! [`Data`] as JSON, as `JSON.stringify` and `JSON.parse` have it: the order of properties stays.

use super::Data;
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error, Serialize, SerializeMap, Serializer};
use std::fmt;

/// Whole numbers below this are written without a fraction.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Serialize for Data {
    /// Fails for bytes, which JSON does not have.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Integer(number) => serializer.serialize_i64(*number),
            Self::Unsigned(number) => serializer.serialize_u64(*number),
            Self::Float(number) if number.fract() == 0.0 && number.abs() < EXACT => {
                serializer.serialize_i64(*number as i64)
            }
            Self::Float(number) => serializer.serialize_f64(*number),
            Self::String(text) => serializer.serialize_str(text),
            Self::Bytes(_) => Err(S::Error::custom("bytes")),
            Self::Array(elements) => serializer.collect_seq(elements),
            Self::Object(properties) => {
                let mut map = serializer.serialize_map(Some(properties.len()))?;
                for (key, value) in properties {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Values)
    }
}

/// Makes values of what a deserializer finds.
struct Values;

impl<'de> Visitor<'de> for Values {
    type Value = Data;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Data, E> {
        Ok(Data::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Data, E> {
        Ok(Data::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Data, E> {
        Ok(Data::Integer(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Data, E> {
        Ok(Data::from(number))
    }

    fn visit_f64<E>(self, number: f64) -> Result<Data, E> {
        Ok(Data::number(number))
    }

    fn visit_str<E>(self, text: &str) -> Result<Data, E> {
        Ok(Data::String(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Data, E> {
        Ok(Data::String(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut source: A) -> Result<Data, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = source.next_element()? {
            elements.push(element);
        }
        Ok(Data::Array(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut source: A) -> Result<Data, A::Error> {
        let mut properties = Vec::new();
        while let Some(property) = source.next_entry()? {
            properties.push(property);
        }
        Ok(Data::Object(properties))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(data: &Data) -> String {
        serde_json::to_string(data).unwrap()
    }

    #[test]
    fn json_is_that_of_stringify() {
        let text = r#"{"z":[null,true,-7,0.5,"\"é\""],"a":{},"u":18446744073709551615}"#;
        let data: Data = serde_json::from_str(text).unwrap();
        assert_eq!(written(&data), text);
        assert_eq!(written(&Data::Float(f64::NAN)), "null");
        assert_eq!(written(&Data::Float(-0.0)), "0");
        assert!(serde_json::to_string(&Data::from(vec![1u8])).is_err());
    }

    #[test]
    fn what_nests_too_deep_is_refused() {
        let deep = "[".repeat(100_000);
        assert!(serde_json::from_str::<Data>(&deep).is_err());
    }
}
