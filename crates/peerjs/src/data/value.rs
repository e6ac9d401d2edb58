//! [`Data`]: a value as JavaScript has it.

use bytes::Bytes;

/// A value that a data connection carries. [`Data::from`] makes one of Rust's numbers, strings, bytes and lists, and of
/// [`serde_json::Value`].
///
/// JavaScript has one kind of number; here whole numbers are apart, so that none of 64 bits loses a digit between two
/// programs of this crate. [`Data::as_f64`] gives each as JavaScript sees it.
///
/// ```
/// use confab_peerjs::Data;
///
/// let data = Data::from(serde_json::json!({ "name": "ann", "ages": [7, 8.5] }));
/// assert_eq!(data.get("name").and_then(Data::as_str), Some("ann"));
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Data {
    /// `null`, and `undefined`, which no serialization tells from it.
    #[default]
    Null,
    /// `true` and `false`.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A whole number above 2⁶³ − 1.
    Unsigned(u64),
    /// A number that is not whole, or is beyond 64 bits.
    Float(f64),
    /// A string.
    String(String),
    /// An `ArrayBuffer`, a typed array or a `Blob`.
    Bytes(Bytes),
    /// An array.
    Array(Vec<Data>),
    /// An object: its own properties in order. Of properties with one name the last one counts.
    Object(Vec<(String, Data)>),
}

impl Data {
    /// An object of these properties.
    pub fn object<K: Into<String>>(properties: impl IntoIterator<Item = (K, Self)>) -> Self {
        Self::Object(properties.into_iter().map(|(key, value)| (key.into(), value)).collect())
    }

    /// The property called `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(properties) = self else { return None };
        properties.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// True for [`Data::Null`].
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The string, if it is one.
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The bytes, if it is some.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        if let Self::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// The truth value, if it is one.
    pub fn as_bool(&self) -> Option<bool> {
        if let Self::Bool(value) = self { Some(*value) } else { None }
    }

    /// The number, if it is one, as JavaScript has it: above 2⁵³ digits are lost.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Unsigned(number) => Some(*number as f64),
            Self::Float(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if it is whole and not negative.
    pub fn as_u64(&self) -> Option<u64> {
        match self {
            Self::Integer(number) => u64::try_from(*number).ok(),
            Self::Unsigned(number) => Some(*number),
            _ => None,
        }
    }

    /// The number, if it is whole and below 2⁶³.
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(number) = self { Some(*number) } else { None }
    }

    /// The elements of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(elements) = self { Some(elements) } else { None }
    }

    /// A number in the form that is told apart from others: whole ones as whole, where 64 bits hold them.
    pub(crate) fn number(number: f64) -> Self {
        const TWO_TO_63: f64 = 9_223_372_036_854_775_808.0;
        if number.fract() != 0.0 || !number.is_finite() {
            Self::Float(number)
        } else if (-TWO_TO_63..TWO_TO_63).contains(&number) {
            // Within the bounds, so nothing is cut off.
            Self::Integer(number as i64)
        } else if (0.0..2.0 * TWO_TO_63).contains(&number) {
            Self::Unsigned(number as u64)
        } else {
            Self::Float(number)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_properties_with_one_name_the_last_one_counts() {
        let object = Data::object([("a", Data::Null), ("b", Data::Bool(true)), ("a", Data::Integer(1))]);
        assert_eq!(object.get("a"), Some(&Data::Integer(1)));
        assert_eq!((object.get("c"), Data::Null.get("a")), (None, None));
    }

    #[test]
    fn whole_numbers_are_told_apart_as_far_as_64_bits_go() {
        assert_eq!(Data::number(-0.0), Data::Integer(0));
        assert_eq!(Data::number(9_007_199_254_740_993.0), Data::Integer(9_007_199_254_740_992));
        assert_eq!(Data::number(-9_223_372_036_854_775_808.0), Data::Integer(i64::MIN));
        assert_eq!(Data::number(9_223_372_036_854_775_808.0), Data::Unsigned(1 << 63));
        for float in [0.5, 18_446_744_073_709_551_616.0, 1e300, f64::INFINITY] {
            assert_eq!(Data::number(float), Data::Float(float));
        }
        assert_eq!(Data::Unsigned(u64::MAX).as_f64(), Some(18_446_744_073_709_551_616.0));
    }
}
