//! What the library leaves undone when it applies a description of the other side.

use super::sdp::silent_lines;
use std::sync::Arc;
use webrtc::error::Result;
use webrtc::peer_connection::PeerConnection;
use webrtc::rtp_transceiver::RTCRtpTransceiverDirection;

/// After an offer was applied: what it makes inactive is answered as inactive (RFC 3264 section 6.1). The library sees to it
/// the first time only.
pub(crate) async fn silence(pc: &Arc<dyn PeerConnection>, offer: &str) -> Result<()> {
    let silent = silent_lines(offer);
    if silent.is_empty() {
        return Ok(());
    }
    for transceiver in pc.get_transceivers().await {
        if let Some(mid) = transceiver.mid().await?
            && silent.iter().any(|silent| *silent == mid)
            && transceiver.direction().await? != RTCRtpTransceiverDirection::Inactive
        {
            transceiver.set_direction(RTCRtpTransceiverDirection::Inactive).await?;
        }
    }
    Ok(())
}
