//! What the Metered endpoint can be told.

/// The endpoint of Metered Realtime: who may use it. Its debug form holds no secret.
#[derive(Debug, Clone, Default)]
pub struct MeteredConfig {
    /// Publishable keys (`pk_…`), which pages show: whoever has one may do everything, under a new id at each connect.
    pub publishable_keys: Vec<String>,
    /// Keys of tokens.
    pub token_keys: Vec<MeteredKey>,
}

/// A key under which tokens are signed (HS256).
#[derive(Clone)]
pub struct MeteredKey {
    /// What a token names as `kid`.
    pub id: String,
    /// The key itself, 32 bytes or more.
    pub secret: Vec<u8>,
}

impl std::fmt::Debug for MeteredKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MeteredKey").field("id", &self.id).finish_non_exhaustive()
    }
}
