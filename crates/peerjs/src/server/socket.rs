//! The WebSocket of a PeerServer.

use super::address::Address;
use super::dial::{CONNECT_TIMEOUT, ServerError, Stream, dial};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// Largest frame that does not end the connection: a message of a peer that is larger than this would.
const FRAME_BYTES: usize = 16 << 20;

/// The socket.
pub(crate) type Socket = WebSocketStream<Box<dyn Stream>>;

/// Opens it. What the server says of `id` comes as its first message.
pub(crate) async fn open(address: &Address, id: &str, token: &str) -> Result<Socket, ServerError> {
    let stream = dial(address).await?;
    let config = WebSocketConfig::default().max_message_size(Some(FRAME_BYTES)).max_frame_size(Some(FRAME_BYTES));
    let handshake = client_async_with_config(address.socket(id, token), stream, Some(config));
    let (socket, _) = timeout(CONNECT_TIMEOUT, handshake).await.map_err(|_| ServerError::Timeout)?.map_err(Box::new)?;
    Ok(socket)
}
