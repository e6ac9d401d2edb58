//! The library's connection, as the negotiation asks for it.

use crate::connection::candidate_init;
use crate::negotiation::{Jsep, Refused};
use crate::workarounds::codecs;
use confab_wire::{media::Decoders, signaling::Candidate};
use rtc::peer_connection::configuration::RTCOfferOptions;
use std::sync::Arc;
use webrtc::error::Error;
use webrtc::peer_connection::{PeerConnection, RTCSessionDescription};

/// A connection of the library.
pub(crate) struct Library {
    pc: Arc<dyn PeerConnection>,
    decoders: Decoders,
    /// It has seen a video m-line of the other side.
    taught: bool,
}

impl Library {
    pub(crate) fn new(pc: Arc<dyn PeerConnection>, decoders: Decoders) -> Self {
        Self { pc, decoders, taught: false }
    }

    async fn try_offer(&self, ice_restart: bool) -> Result<String, Error> {
        let offer = self.pc.create_offer(Some(RTCOfferOptions { ice_restart })).await?;
        let sdp = offer.sdp.clone();
        self.pc.set_local_description(offer).await?;
        Ok(sdp)
    }

    /// Applies a description of the peer, with the codecs that the library would not learn from it.
    async fn apply(
        &mut self,
        sdp: &str,
        make: fn(String) -> Result<RTCSessionDescription, Error>,
    ) -> Result<(), Refused> {
        // Once: after that the library knows all.
        let completed = if self.taught { None } else { codecs::with_missing_codecs(sdp, self.decoders) };
        self.taught |= sdp.contains("\nm=video ");
        let description = make(completed.unwrap_or_else(|| sdp.to_owned())).map_err(theirs)?;
        self.pc.set_remote_description(description).await.map_err(theirs)?;
        codecs::choose_codecs(&self.pc, sdp, self.decoders).await.map_err(ours)
    }

    async fn answer(&self) -> Result<String, Error> {
        let answer = self.pc.create_answer(None).await?;
        let sdp = answer.sdp.clone();
        self.pc.set_local_description(answer).await?;
        Ok(sdp)
    }
}

fn theirs(error: Error) -> Refused {
    Refused::Remote(error.to_string())
}

fn ours(error: Error) -> Refused {
    Refused::Local(error.to_string())
}

impl Jsep for Library {
    async fn offer(&mut self, ice_restart: bool) -> Result<String, String> {
        self.try_offer(ice_restart).await.map_err(|error| error.to_string())
    }

    async fn take_offer(&mut self, sdp: &str) -> Result<String, Refused> {
        self.apply(sdp, RTCSessionDescription::offer).await?;
        codecs::answer_inactive(&self.pc, sdp, self.decoders).await.map_err(ours)?;
        self.answer().await.map_err(ours)
    }

    async fn take_answer(&mut self, sdp: &str) -> Result<(), Refused> {
        self.apply(sdp, RTCSessionDescription::answer).await
    }

    async fn roll_back(&mut self) -> Result<(), String> {
        let rollback = RTCSessionDescription::rollback(None).map_err(|error| error.to_string())?;
        self.pc.set_local_description(rollback).await.map_err(|error| error.to_string())
    }

    async fn roll_back_remote(&mut self) -> Result<(), String> {
        if self.pc.pending_remote_description().await.is_none() {
            return Ok(());
        }
        let rollback = RTCSessionDescription::rollback(None).map_err(|error| error.to_string())?;
        self.pc.set_remote_description(rollback).await.map_err(|error| error.to_string())
    }

    async fn add_candidate(&mut self, candidate: Candidate) -> Result<(), String> {
        self.pc.add_ice_candidate(candidate_init(candidate)).await.map_err(|error| error.to_string())
    }

    async fn pending(&self) -> Option<String> {
        self.pc.pending_local_description().await.map(|description| description.sdp)
    }

    async fn current(&self) -> Option<String> {
        self.pc.current_local_description().await.map(|description| description.sdp)
    }
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
