//! How the video of a stream is to be encoded: bounds and preferences that the application sets.

use confab_wire::media::{ContentHint, DegradationPreference, VideoDemand};
use serde::{Deserialize, Serialize};

/// Priority of a sender (`RTCPriorityType`, W3C webrtc-priority section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Priority {
    /// Below all other.
    VeryLow,
    /// What a browser takes for granted.
    Low,
    /// Above the others.
    Medium,
    /// Above all other.
    High,
}

/// How the video tracks of a stream are encoded (`VideoEncodingConfig` of rtc.io). Each field is optional; without any,
/// the encoder has its own defaults. In JSON the names are rtc.io's.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct VideoEncoding {
    /// `maxBitrate`: upper bound in bit/s, over 0. Without it 1.5 Mbit/s.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_bitrate: Option<u32>,
    /// `maxFramerate`: upper bound in frames per second, over 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_framerate: Option<f64>,
    /// `degradationPreference`: what is given up first when bits run short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub degradation_preference: Option<DegradationPreference>,
    /// `contentHint`: what the picture shows. Decides what is given up where `degradation_preference` does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_hint: Option<ContentHint>,
    /// `priority`: rank among the senders of one connection. Kept and reported, without effect: nothing here paces one
    /// track behind another.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// `networkPriority`: rank in the network, by DSCP marks (RFC 8837). Kept and reported, without effect: the library
    /// owns the UDP sockets and marks nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network_priority: Option<Priority>,
    /// `scaleResolutionDownBy`: each side of the picture is divided by this; at least 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale_resolution_down_by: Option<f64>,
}

/// A value of [`VideoEncoding`] that means nothing.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// `max_bitrate` is 0.
    #[error("maxBitrate must be over 0")]
    MaxBitrate,
    /// `max_framerate` is 0, negative or no number.
    #[error("maxFramerate must be over 0, not {0}")]
    MaxFramerate(f64),
    /// `scale_resolution_down_by` is under 1 or no number (a `RangeError` in W3C webrtc-pc section 5.2).
    #[error("scaleResolutionDownBy must be at least 1, not {0}")]
    ScaleResolutionDownBy(f64),
}

impl VideoEncoding {
    /// Fails on values that mean nothing.
    pub fn check(&self) -> Result<(), EncodingError> {
        if self.max_bitrate == Some(0) {
            return Err(EncodingError::MaxBitrate);
        }
        if let Some(rate) = self.max_framerate.filter(|rate| !(rate.is_finite() && *rate > 0.0)) {
            return Err(EncodingError::MaxFramerate(rate));
        }
        if let Some(scale) = self.scale_resolution_down_by.filter(|scale| !(scale.is_finite() && *scale >= 1.0)) {
            return Err(EncodingError::ScaleResolutionDownBy(scale));
        }
        Ok(())
    }

    /// This, with what `partial` sets in place of its own.
    pub fn merged(&self, partial: &Self) -> Self {
        Self {
            max_bitrate: partial.max_bitrate.or(self.max_bitrate),
            max_framerate: partial.max_framerate.or(self.max_framerate),
            degradation_preference: partial.degradation_preference.or(self.degradation_preference),
            content_hint: partial.content_hint.or(self.content_hint),
            priority: partial.priority.or(self.priority),
            network_priority: partial.network_priority.or(self.network_priority),
            scale_resolution_down_by: partial.scale_resolution_down_by.or(self.scale_resolution_down_by),
        }
    }
}

/// Puts what `encodings` ask for into `demand`. A track in several streams is encoded once, so the tightest bound
/// counts; of preferences and hints the first one that is set.
pub fn bound<'a>(demand: &mut VideoDemand, encodings: impl Iterator<Item = &'a VideoEncoding> + Clone) {
    let defaults = VideoDemand::default();
    demand.max_bitrate =
        encodings.clone().filter_map(|encoding| encoding.max_bitrate).min().unwrap_or(defaults.max_bitrate);
    demand.max_framerate = encodings.clone().filter_map(|encoding| encoding.max_framerate).reduce(f64::min);
    demand.scale_resolution_down_by =
        encodings.clone().filter_map(|encoding| encoding.scale_resolution_down_by).fold(1.0, f64::max);
    demand.degradation_preference = encodings.clone().find_map(|encoding| encoding.degradation_preference);
    demand.content_hint = { encodings }.find_map(|encoding| encoding.content_hint).unwrap_or_default();
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_that_mean_nothing_are_refused_by_name() {
        let rate = |rate| VideoEncoding { max_framerate: Some(rate), ..VideoEncoding::default() }.check();
        let scale = |scale| VideoEncoding { scale_resolution_down_by: Some(scale), ..VideoEncoding::default() }.check();
        assert_eq!(VideoEncoding::default().check(), Ok(()));
        assert_eq!(
            VideoEncoding { max_bitrate: Some(0), ..VideoEncoding::default() }.check(),
            Err(EncodingError::MaxBitrate)
        );
        assert_eq!((rate(0.5), rate(0.0)), (Ok(()), Err(EncodingError::MaxFramerate(0.0))));
        assert!(matches!(rate(f64::NAN), Err(EncodingError::MaxFramerate(_))));
        assert_eq!((scale(1.0), scale(0.5)), (Ok(()), Err(EncodingError::ScaleResolutionDownBy(0.5))));
        for bad in [f64::NAN, f64::INFINITY, 0.0, -2.0] {
            assert!(matches!(scale(bad), Err(EncodingError::ScaleResolutionDownBy(_))), "{bad}");
        }
    }

    #[test]
    fn a_partial_change_keeps_the_rest() {
        let old = VideoEncoding { max_bitrate: Some(1), max_framerate: Some(2.0), ..VideoEncoding::default() };
        let partial = VideoEncoding { max_bitrate: Some(3), ..VideoEncoding::default() };
        assert_eq!(old.merged(&partial), VideoEncoding { max_bitrate: Some(3), ..old });
    }

    #[test]
    fn the_tightest_bound_of_all_streams_counts() {
        let one = VideoEncoding { max_bitrate: Some(500_000), max_framerate: Some(30.0), ..VideoEncoding::default() };
        let two = VideoEncoding {
            max_framerate: Some(10.0),
            scale_resolution_down_by: Some(2.0),
            content_hint: Some(ContentHint::Text),
            ..VideoEncoding::default()
        };
        let mut demand = VideoDemand::default();
        bound(&mut demand, [&one, &two].into_iter());
        let expected = VideoDemand {
            max_bitrate: 500_000,
            max_framerate: Some(10.0),
            scale_resolution_down_by: 2.0,
            content_hint: ContentHint::Text,
            ..VideoDemand::default()
        };
        assert_eq!(demand, expected);
        bound(&mut demand, std::iter::empty());
        assert_eq!(demand, VideoDemand::default());
    }

    #[test]
    fn the_json_is_that_of_rtc_io() {
        let json = json!({ "maxBitrate": 8_000_000, "degradationPreference": "maintain-framerate", "contentHint": "" });
        let encoding: VideoEncoding = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(encoding.degradation_preference, Some(DegradationPreference::MaintainFramerate));
        assert_eq!(encoding.content_hint, Some(ContentHint::None));
        assert_eq!(serde_json::to_value(encoding).unwrap(), json);
    }
}
