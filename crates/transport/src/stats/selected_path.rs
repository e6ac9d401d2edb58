//! The path in use, out of a whole report.

use super::ice::{CandidatePairStats, CandidateStats, IceCandidateStats, SelectedCandidates};
use super::report::PeerStats;

impl PeerStats {
    /// The pair in use.
    pub(crate) fn selected_pair(&self) -> Option<&CandidatePairStats> {
        self.candidate_pair.iter().find(|pair| pair.selected)
    }

    fn candidate(candidates: &[CandidateStats], id: &str) -> Option<CandidateStats> {
        candidates.iter().find(|candidate| candidate.id == id).cloned()
    }

    pub(crate) fn selected_candidates(&self) -> Option<SelectedCandidates> {
        let pair = self.selected_pair()?;
        Some(SelectedCandidates {
            local_candidate: Self::candidate(&self.local_candidate, &pair.local_candidate_id),
            remote_candidate: Self::candidate(&self.remote_candidate, &pair.remote_candidate_id),
        })
    }
}

impl From<PeerStats> for IceCandidateStats {
    fn from(stats: PeerStats) -> Self {
        let selected_ice_candidate_pair_stats = stats.selected_candidates();
        Self {
            ice_candidate_stats: stats.local_candidate.iter().chain(&stats.remote_candidate).cloned().collect(),
            local_candidates: stats.local_candidate,
            remote_candidates: stats.remote_candidate,
            candidate_pairs: stats.candidate_pair,
            selected_ice_candidate_pair_stats,
        }
    }
}
