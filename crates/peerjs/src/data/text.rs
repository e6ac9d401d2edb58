//! [`Data`] as JavaScript turns it into a string: what the serialization `raw` sends of everything but strings and bytes.

use super::Data;

impl Data {
    /// `String(value)` of JavaScript.
    pub(crate) fn to_js_string(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(value) => value.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Unsigned(number) => number.to_string(),
            Self::Float(number) => float(*number),
            Self::String(text) => text.clone(),
            Self::Bytes(bytes) => list(bytes.iter().map(u8::to_string)),
            Self::Array(elements) => list(elements.iter().map(|element| match element {
                Self::Null => String::new(),
                element => element.to_js_string(),
            })),
            Self::Object(_) => "[object Object]".to_owned(),
        }
    }
}

fn list(elements: impl Iterator<Item = String>) -> String {
    elements.collect::<Vec<_>>().join(",")
}

/// `Number::toString` (ECMA-262 section 6.1.6.1.20).
fn float(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "Infinity".to_owned() } else { "-Infinity".to_owned() };
    }
    if number == 0.0 {
        return "0".to_owned();
    }
    if (1e-6..1e21).contains(&number.abs()) {
        return number.to_string();
    }
    // Rust writes 1e21 and 1.5e-7, JavaScript 1e+21 and 1.5e-7.
    let text = format!("{number:e}");
    match text.split_once('e') {
        Some((digits, exponent)) if !exponent.starts_with('-') => format!("{digits}e+{exponent}"),
        _ => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_become_the_strings_of_javascript() {
        let text = |data: Data| data.to_js_string();
        assert_eq!(text(Data::Null), "null");
        assert_eq!(text(Data::object([("a", Data::Null)])), "[object Object]");
        let nested =
            Data::from(vec![Data::Null, Data::Integer(1), Data::from(vec![Data::Bool(true), Data::from("x")])]);
        assert_eq!(text(nested), ",1,true,x");
        for (number, expected) in [
            (0.5, "0.5"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (-1.5e-7, "-1.5e-7"),
            (0.000001, "0.000001"),
        ] {
            assert_eq!(text(Data::Float(number)), expected);
        }
        assert_eq!(text(Data::Float(f64::NEG_INFINITY)), "-Infinity");
    }
}
