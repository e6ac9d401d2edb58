//! What the library's connection and its control channel report.

use super::ConnectionTask;
use crate::attempt::Ending;
use crate::channel::ChannelData;
use crate::connection::PcEvent;
use crate::event::ConnectionEvent;
use crate::ice::IceServerFailure;
use crate::options::InBandChannels;
use crate::remote_peer::RemotePeerEvent;
use std::sync::Arc;
use tokio::time::Instant;
use webrtc::data_channel::{DataChannel, DataChannelEvent, RTCDataChannelMessage};

/// Data channels that a remote may open in-band on one connection although they are refused, each of which is closed. The
/// library (rtc 0.21.1) keeps the labels of closed ones, and what comes on one until the remote has closed it, too, as long
/// as the connection stands.
const REFUSED_CHANNELS: u32 = 64;

impl ConnectionTask<'_> {
    pub(super) async fn connection_event(&mut self, event: PcEvent) -> Option<Ending> {
        match event {
            PcEvent::Candidate(candidate) => self.emit(ConnectionEvent::Candidate(candidate)).await,
            PcEvent::Track(source) => self.inbound.started(&self.connection, source, &mut self.tasks).await,
            PcEvent::Channel(channel) => return self.in_band(channel).await,
            PcEvent::Ice(failure) => self.ice_server_failed(failure).await,
        }
        None
    }

    async fn in_band(&mut self, channel: Arc<dyn DataChannel>) -> Option<Ending> {
        self.association_up();
        match self.context.options.in_band {
            InBandChannels::Accept => {
                let flow = self.context.options.in_band_flow.clone();
                match self.context.channels.adopt(&self.connection.pc, channel, flow).await {
                    Ok(channel) => self.emit(ConnectionEvent::ChannelOpened(channel)).await,
                    Err(error) => tracing::debug!(%error, "a channel of the remote is gone already"),
                }
            }
            InBandChannels::Refuse => {
                self.misbehaving("it opened a data channel that was not agreed on".to_owned()).await;
                channel.close().await.ok();
                self.refused_channels += 1;
                if self.refused_channels > REFUSED_CHANNELS {
                    tracing::warn!("the connection to a remote ends: it opens too many data channels");
                    return Some(Ending::Lost { orderly: false });
                }
            }
        }
        None
    }

    async fn ice_server_failed(&mut self, failure: IceServerFailure) {
        let IceServerFailure { url, code, reason: text, lost } = failure;
        self.context.remote.emit(RemotePeerEvent::IceCandidateError { error: format!("{url}: {code} {text}") });
        self.emit(ConnectionEvent::IceCandidateError { url, code, text }).await;
        if lost {
            let endpoint = &self.context.endpoint;
            let addresses = endpoint.addresses.borrow().clone();
            match self.connection.renew_relays(&endpoint.ice, &addresses).await {
                Ok(true) => self.negotiation.restart_ice(self.watch.is_healthy(), Instant::now()).await,
                Ok(false) => tracing::debug!("a relay is lost again"),
                Err(error) => tracing::warn!(%error, "relays can't be allocated again"),
            }
        }
    }

    pub(super) async fn control_event(&mut self, event: Option<DataChannelEvent>) -> Option<Ending> {
        match event {
            Some(DataChannelEvent::OnOpen) => {
                if self.control.opened().await {
                    self.association_up();
                    self.emit(ConnectionEvent::ControlOpen).await;
                }
            }
            Some(DataChannelEvent::OnMessage(RTCDataChannelMessage { is_string, data })) => {
                let data = data.freeze();
                if !is_string {
                    self.emit(ConnectionEvent::ControlMessage(ChannelData::Bytes(data))).await;
                    return None;
                }
                match String::from_utf8(Vec::from(data)) {
                    Ok(text) => self.emit(ConnectionEvent::ControlMessage(ChannelData::Text(text))).await,
                    Err(_) => self.misbehaving("it sent text that is no UTF-8".to_owned()).await,
                }
            }
            Some(DataChannelEvent::OnBufferedAmountLow) => self.control.flush().await,
            // It is closed only together with the connection: the remote has left.
            Some(DataChannelEvent::OnClosing | DataChannelEvent::OnClose) | None => {
                return Some(Ending::Lost { orderly: true });
            }
            Some(_) => {}
        }
        None
    }

    /// Reports how the application draws videos. A program that is not ours would drop it with a warning.
    pub(super) async fn report_drawn(&mut self) {
        if self.ours {
            for (mid, size) in self.inbound.rendered_sizes() {
                self.emit(ConnectionEvent::RenderedSizeChanged { mid, size }).await;
            }
        }
    }
}
