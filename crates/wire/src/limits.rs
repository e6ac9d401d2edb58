//! Bounds of everything that comes from outside. Bytes unless a name says otherwise.

use std::time::Duration;

/// Longest room id the server accepts, in characters. Links of ours carry 23 (four proquints).
pub const ROOM_ID_CHARS: usize = 64;
/// Longest display name, in characters.
pub const NAME_CHARS: usize = 64;
/// Longest text in which a link is looked for: mail programs add long queries, and a token may come along.
pub const LINK_BYTES: usize = TOKEN_BYTES + 8 * 1024;
/// Longest detail of a refusal, in characters.
pub const REFUSAL_CHARS: usize = 500;
/// Parameters of a refusal.
pub const REFUSAL_PARAMS: usize = 8;
/// Longest chat message, in characters.
pub const CHAT_CHARS: usize = 4_000;
/// Chat messages kept for people who join late; the oldest go first.
pub const CHAT_HISTORY: usize = 500;
/// Longest identifier (socket, stream, track, message) from outside.
pub const ID_BYTES: usize = 128;
/// Largest frame on the `rtcio:ctrl` channel; larger ones are dropped (protocol section 3).
pub const CTRL_FRAME_BYTES: usize = 1 << 20;
/// Envelopes that wait for `ctrl` to open, per peer; the oldest go first (protocol section 3).
pub const CTRL_QUEUE: usize = 1024;
/// Longest event name on any channel.
pub const EVENT_NAME_BYTES: usize = 128;
/// Ctrl frames a peer may send in one second before the rest of that second is dropped.
pub const CTRL_FRAMES_PER_SECOND: u32 = 500;
/// Largest `data` of a direct message, as JSON.
pub const DIRECT_MESSAGE_BYTES: usize = 64 * 1024;
/// Direct messages one socket may send in one second, on average.
pub const DIRECT_PER_SECOND: u32 = 20;
/// Direct messages one socket may send in one burst.
pub const DIRECT_BURST: u32 = 100;
/// Longest token of a member.
pub const TOKEN_BYTES: usize = 16 * 1024;
/// Largest `peerMetadata` of a token, as JSON.
pub const METADATA_BYTES: usize = 4 * 1024;
/// Room patterns of one token.
pub const TOKEN_ROOMS: usize = 64;
/// Largest SDP the server relays and a peer parses.
pub const SDP_BYTES: usize = 256 * 1024;
/// Largest ICE candidate line.
pub const CANDIDATE_BYTES: usize = 2048;
/// Candidates that wait for a remote description, per peer.
pub const PENDING_CANDIDATES: usize = 256;
/// Remote streams of one peer.
pub const STREAMS_PER_PEER: usize = 16;
/// Remote tracks of one peer.
pub const TRACKS_PER_PEER: usize = 32;
/// m-lines of one description: what many rounds of sharing leave behind where a peer never uses one again.
pub const MEDIA_LINES: usize = 512;
/// Events kept in the replay registry for one stream.
pub const EVENTS_PER_STREAM: usize = 16;
/// Largest Socket.IO message the server accepts.
pub const SIGNALING_MESSAGE_BYTES: usize = 384 * 1024;
/// Signaling messages one socket may send in one second, on average.
pub const SIGNALING_PER_SECOND: u32 = 200;
/// Signaling messages one socket may send in one burst (a mesh of 16 trickling candidates).
pub const SIGNALING_BURST: u32 = 1_000;
/// Members of one room. A mesh beyond this serves nobody.
pub const ROOM_MEMBERS: usize = 16;
/// Rooms one socket may be in at once.
pub const ROOMS_PER_SOCKET: usize = 4;
/// ICE servers accepted from a signaling server.
pub const ICE_SERVERS: usize = 16;
/// URLs of one ICE server.
pub const ICE_URLS: usize = 8;
/// Longest ICE server URL, user name or credential.
pub const ICE_FIELD_BYTES: usize = 512;
/// Largest encoded video frame that is reassembled.
pub const VIDEO_FRAME_BYTES: usize = 4 << 20;
/// Most pixels of one received picture, as its bitstream claims them: a decoder takes memory for all of them, however small the
/// frame is. A screen of 5120 × 2880 has fewer.
pub const PICTURE_PIXELS: u32 = 4096 * 4096;
/// Most pixels of all pictures together that one window decodes; fifteen of 1920 × 1080 have fewer.
pub const PICTURES_PIXELS: u32 = 2 * PICTURE_PIXELS;
/// Frames that wait in the media socket for the webview before it skips to the next key frame.
pub const MEDIA_SOCKET_FRAMES: usize = 120;
/// How long a connection to a signaling server may take, handshake included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an acknowledgement of the server may take.
pub const ACK_TIMEOUT: Duration = Duration::from_secs(10);

/// True if `text` has at least one visible character, at most `max` characters and no control characters.
pub fn is_clean(text: &str, max: usize) -> bool {
    !text.trim().is_empty() && text.chars().count() <= max && !text.chars().any(char::is_control)
}
