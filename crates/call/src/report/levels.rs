//! How loud everyone is.

use std::time::Duration;

/// How often levels are reported.
pub const LEVELS_INTERVAL: Duration = Duration::from_millis(100);
/// Own id among the levels that the window gets.
pub const OWN_LEVEL: &str = "self";
/// RMS level under which someone counts as silent and is left out.
pub const SILENCE: f32 = 0.001;

/// The loudest level of each peer that is not silent.
pub fn loudest<'a>(levels: impl Iterator<Item = (&'a str, f32)>) -> Vec<(String, f32)> {
    let mut loudest: Vec<(String, f32)> = Vec::new();
    for (peer, level) in levels.filter(|(_, level)| *level > SILENCE) {
        match loudest.iter_mut().find(|(id, _)| id == peer) {
            Some((_, most)) => *most = most.max(level),
            None => loudest.push((peer.to_owned(), level)),
        }
    }
    loudest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_is_as_loud_as_its_loudest_track() {
        let levels = [("ann", 0.1), ("ben", 0.0005), ("ann", 0.3), ("cat", 0.2)];
        assert_eq!(loudest(levels.into_iter()), [("ann".to_owned(), 0.3), ("cat".to_owned(), 0.2)]);
    }
}
