//! A laboratory of networks: participants in namespaces of their own, joined by a program that loses, delays and limits.

#[cfg(target_os = "linux")]
pub mod inside;
#[cfg(target_os = "linux")]
pub mod lab;
pub mod link;
pub mod profile;
