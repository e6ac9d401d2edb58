//! What a dialect chooses about offers.

use crate::options::{Glare, Role};

/// Who offers, who yields, and whether there is more than one offer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules {
    pub(crate) role: Role,
    pub(crate) glare: Glare,
    pub(crate) renegotiates: bool,
}
