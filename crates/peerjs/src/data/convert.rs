//! What becomes a [`Data`] by itself.

use super::Data;
use bytes::Bytes;
use serde_json::Value;

impl From<bool> for Data {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Data {
    fn from(number: i64) -> Self {
        Self::Integer(number)
    }
}

impl From<i32> for Data {
    fn from(number: i32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u32> for Data {
    fn from(number: u32) -> Self {
        Self::Integer(number.into())
    }
}

impl From<u64> for Data {
    fn from(number: u64) -> Self {
        i64::try_from(number).map_or(Self::Unsigned(number), Self::Integer)
    }
}

impl From<f64> for Data {
    fn from(number: f64) -> Self {
        Self::number(number)
    }
}

impl From<&str> for Data {
    fn from(text: &str) -> Self {
        Self::String(text.to_owned())
    }
}

impl From<String> for Data {
    fn from(text: String) -> Self {
        Self::String(text)
    }
}

impl From<Bytes> for Data {
    fn from(bytes: Bytes) -> Self {
        Self::Bytes(bytes)
    }
}

impl From<Vec<u8>> for Data {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Bytes(bytes.into())
    }
}

impl From<&'static [u8]> for Data {
    fn from(bytes: &'static [u8]) -> Self {
        Self::Bytes(Bytes::from_static(bytes))
    }
}

impl From<Vec<Data>> for Data {
    fn from(elements: Vec<Data>) -> Self {
        Self::Array(elements)
    }
}

impl<T: Into<Data>> From<Option<T>> for Data {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl From<Value> for Data {
    fn from(value: Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(value),
            Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(number), _) => Self::Integer(number),
                (None, Some(number)) => Self::Unsigned(number),
                (None, None) => Self::number(number.as_f64().unwrap_or(f64::NAN)),
            },
            Value::String(text) => Self::String(text),
            Value::Array(elements) => Self::Array(elements.into_iter().map(Self::from).collect()),
            Value::Object(properties) => {
                Self::Object(properties.into_iter().map(|(key, value)| (key, Self::from(value))).collect())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_of_rust_become_values_of_javascript() {
        let data = Data::from(json!({ "a": [null, true, -1, u64::MAX, 0.5, 2.0], "b": { "c": "é" } }));
        let numbers = [Data::Integer(-1), Data::Unsigned(u64::MAX), Data::Float(0.5), Data::Integer(2)];
        let elements = [Data::Null, Data::Bool(true)].into_iter().chain(numbers).collect();
        assert_eq!(data.get("a"), Some(&Data::Array(elements)));
        assert_eq!(data.get("b").and_then(|b| b.get("c")), Some(&Data::from("é")));
        assert_eq!(Data::from(Some(7u64)), Data::Integer(7));
        assert_eq!(Data::from(None::<bool>), Data::Null);
    }
}
