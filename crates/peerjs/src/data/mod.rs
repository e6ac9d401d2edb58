//! What data connections carry: values of JavaScript.

mod convert;
mod json;
mod text;
mod value;

pub use value::Data;
