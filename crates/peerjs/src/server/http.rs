//! The HTTP methods of a PeerServer.

use super::address::Address;
use super::dial::{CONNECT_TIMEOUT, ServerError, dial};
use crate::id::ID_BYTES;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::Request;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

/// Largest list of peers that is read, in bytes.
const PEERS_BYTES: usize = 4 << 20;

/// An id that nobody has (`GET …/id`).
pub(crate) async fn fresh_id(address: &Address) -> Result<String, ServerError> {
    let body = get(address, "id", ID_BYTES).await?;
    let id = String::from_utf8(body).map_err(|_| ServerError::Answer)?;
    if crate::id::is_valid_id(&id) { Ok(id) } else { Err(ServerError::Answer) }
}

/// The ids that are connected (`GET …/peers`), where the server tells them.
pub(crate) async fn peers(address: &Address) -> Result<Vec<String>, ServerError> {
    let body = get(address, "peers", PEERS_BYTES).await?;
    serde_json::from_slice(&body).map_err(|_| ServerError::Answer)
}

async fn get(address: &Address, method: &str, most: usize) -> Result<Vec<u8>, ServerError> {
    timeout(2 * CONNECT_TIMEOUT, request(address, method, most)).await.unwrap_or(Err(ServerError::Timeout))
}

async fn request(address: &Address, method: &str, most: usize) -> Result<Vec<u8>, ServerError> {
    let stream = dial(address).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let request = Request::get(address.method(method))
        .header("host", address.authority())
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|_| ServerError::Request)?;
    let exchange = async {
        let response = sender.send_request(request).await?;
        if response.status() != 200 {
            return Err(ServerError::Status(response.status().as_u16()));
        }
        let body = Limited::new(response.into_body(), most).collect().await.map_err(|_| ServerError::Answer)?;
        Ok(body.to_bytes().to_vec())
    };
    tokio::pin!(exchange, connection);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        ended = &mut connection => {
            ended?;
            // Without its connection the exchange ends by itself.
            exchange.await
        }
    }
}
