//! Where tokens come from.

use crate::error::ConnectError;
use crate::limits;
use futures_util::future::BoxFuture;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use tokio::time::timeout;

type Provide = dyn Fn() -> BoxFuture<'static, Result<String, Box<dyn Error + Send + Sync>>> + Send + Sync;

/// Gives a token for each connection, and a new one for each reconnect (`tokenProvider`). It may take 10 s.
#[derive(Clone)]
pub struct TokenProvider {
    provide: Arc<Provide>,
}

impl TokenProvider {
    /// One that calls `provide`.
    pub fn new<F, E>(provide: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<String, E>> + Send + 'static,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let provide = move || {
            let token = provide();
            Box::pin(async move { token.await.map_err(Into::into) }) as BoxFuture<'static, _>
        };
        Self { provide: Arc::new(provide) }
    }

    /// A token, within [`limits::TOKEN_TIMEOUT`].
    pub(super) async fn token(&self) -> Result<String, ConnectError> {
        match timeout(limits::TOKEN_TIMEOUT, (self.provide)()).await {
            Ok(Ok(token)) if !token.is_empty() => Ok(token),
            Ok(Ok(_)) => Err(ConnectError::TokenProvider("it gave an empty token".to_owned())),
            Ok(Err(error)) => Err(ConnectError::TokenProvider(error.to_string())),
            Err(_) => Err(ConnectError::TokenProvider("it took too long".to_owned())),
        }
    }
}

impl fmt::Debug for TokenProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenProvider")
    }
}
