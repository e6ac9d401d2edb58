//! What the tests need around the real thing: programs of ours as processes, windows under a display of their own, private
//! sound servers, networks that misbehave, clips, and measures of what was seen and heard. Nothing here ships.

pub mod body;
pub mod browser;
#[cfg(target_os = "linux")]
pub mod camera;
pub mod clips;
pub mod cost;
pub mod intelligibility;
pub mod network;
pub mod process;
pub mod pulse;
pub mod received;
pub mod room;
pub mod score;
pub mod sentences;
pub mod sound;
pub mod speech;
pub mod stock_server;
pub mod tcp_proxy;
pub mod turn;
#[cfg(target_os = "linux")]
pub mod wayland;
pub mod window;
#[cfg(target_os = "linux")]
pub mod x11;
