//! One device slot: which device is used, how it is opened and closed, and what happens when it goes.

pub mod capture;
pub mod machine;
pub mod preferred;
pub mod request;
pub mod slot;
pub mod watched;
