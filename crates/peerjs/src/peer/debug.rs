//! How much a peer logs.

/// How much of what a peer does is logged (`debug` of PeerJS, whose old reference has a truth value: false is
/// [`DebugLevel::Disabled`], true is [`DebugLevel::All`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum DebugLevel {
    /// 0: errors are logged at level debug only.
    #[default]
    Disabled,
    /// 1: errors are warnings.
    Errors,
    /// 2: as 1.
    Warnings,
    /// 3: the kind of each message is logged at level debug, too.
    All,
}
