// Generated from crates/ipc by `make types`. Do not edit.

export type ErrorCode = "bad-link" | "bad-name" | "bad-server" | "server-unreachable" | "untrusted-certificate" | "not-confab" | "join-refused" | "room-full" | "room-closed" | "server-lost" | "port-in-use" | "listen-failed" | "camera-missing" | "camera-busy" | "camera-failed" | "screen-missing" | "screen-unsupported" | "screen-failed" | "share-cancelled" | "share-sound-unsupported" | "share-sound-ended" | "share-ended" | "computer-busy" | "microphone-missing" | "microphone-failed" | "speaker-missing" | "device-changed" | "no-sound-server" | "file-unreadable" | "file-format" | "record-failed" | "chat-text" | "bad-volume" | "participant-gone" | "not-in-call" | "already-in-call" | "link-not-opened" | "link-not-copied" | "settings-not-saved" | "settings-reset" | "window-restarted" | "peer-misbehaving" | "peer-unreachable" | "internal";

export type ErrorReason = "link-too-long" | "link-path" | "link-room" | "link-server" | "link-token" | "name-invisible" | "name-alphabets" | "server-message" | "room-name" | "too-many-rooms" | "too-many-questions" | "server-full" | "token-required" | "token-malformed" | "token-algorithm" | "token-signature" | "token-expired" | "token-not-yet-valid" | "token-too-large" | "token-room" | "too-many-messages" | "camera-not-found" | "camera-damaged" | "camera-not-allowed" | "camera-without-pictures" | "screen-chosen-by-desktop" | "screen-portal-missing" | "screen-disconnected" | "share-ended-by-desktop" | "microphone-unplugged" | "microphone-back" | "microphone-not-connected" | "speaker-unplugged" | "speaker-back" | "speaker-not-connected" | "camera-unplugged" | "camera-back" | "camera-not-connected" | "chat-text-empty" | "settings-file-stays";

export type UserError = { 
/**
 * Stable code.
 */
code: ErrorCode, 
/**
 * What its sentence names: a person, a device, and `reason` where the code alone does not say what to do.
 */
params?: { [key in string]: string }, 
/**
 * Technical cause, shown behind "More".
 */
detail?: string, };

export type MediaKind = "audio" | "video";

export type Codec = "vp8" | "vp9" | "h264" | "opus";

export type Decoders = { 
/**
 * H.264 of 4:2:0 pictures up to the High profile.
 */
h264: boolean, };

export type Processing = { 
/**
 * What the speaker plays is taken out of what the microphone hears.
 */
echoCancellation: boolean, 
/**
 * Steady noise is taken out.
 */
noiseSuppression: boolean, 
/**
 * Voices are brought to an even loudness.
 */
gainControl: boolean, };

export type MediaState = { 
/**
 * Microphone sends.
 */
mic: boolean, 
/**
 * Camera sends.
 */
cam: boolean, };

export type ChatMessage = { 
/**
 * Unique id, made by the author's program.
 */
id: string, 
/**
 * Author's display name.
 */
from: string, 
/**
 * Author's socket id at the time of writing.
 */
author: string, 
/**
 * The text.
 */
text: string, 
/**
 * When it was written, in milliseconds since 1970 by the author's clock.
 */
at: number, 
/**
 * Display name of the participant who told it, where that is not its author: text and author are then that one's word.
 * Never read from the wire.
 */
toldBy?: string, };

export type MediaRequest = { "type": "key-frame", 
/**
 * Track handle.
 */
handle: number, } | { "type": "rendered-size", 
/**
 * Track handle.
 */
handle: number, 
/**
 * Width of the whole picture, also where it is cropped.
 */
width: number, 
/**
 * Its height.
 */
height: number, };

export type CallState = "idle" | "joining" | "in-call" | "server-lost";

export type PeerState = "connecting" | "connected" | "reconnecting" | "unreachable";

export type TrackView = { 
/**
 * Handle on the media socket, unique within the life of the app, never [`crate::frame::SELF_TRACK`].
 */
handle: number, 
/**
 * Audio or video.
 */
kind: MediaKind, 
/**
 * Id of the stream it belongs to.
 */
stream: string, 
/**
 * Event that carried the stream (`camera`, `screen`); empty while not known.
 */
event: string, 
/**
 * Name of the codec in which it would come (as in `a=rtpmap`), if none that is offered can be received: nothing comes.
 */
refused: string | null, };

export type Participant = { 
/**
 * Peer id.
 */
id: string, 
/**
 * Display name; "Guest" if none was given.
 */
name: string, 
/**
 * Connection state.
 */
state: PeerState, 
/**
 * Microphone and camera, as the participant says; null until it says.
 */
media: MediaState | null, 
/**
 * Tracks that arrive.
 */
tracks: Array<TrackView>, 
/**
 * How loud one hears them, in percent: 100 as they send, 0 silent, at most [`MAX_VOLUME`].
 */
volume: number, 
/**
 * Muted by oneself, for oneself.
 */
mutedForMe: boolean, };

export type DeviceState = { "state": "off" } | { "state": "starting" } | { "state": "on" } | { "state": "failed", 
/**
 * What happened and what to do.
 */
error: UserError, };

export type DeviceKind = "microphone" | "speaker" | "camera";

export type Device = { 
/**
 * What the system knows it by; the same after it was unplugged and plugged in again.
 */
id: string, 
/**
 * What people call it.
 */
name: string, };

export type DeviceList = { 
/**
 * Microphones.
 */
microphones: Array<Device>, 
/**
 * Speakers and headphones.
 */
speakers: Array<Device>, 
/**
 * Cameras.
 */
cameras: Array<Device>, 
/**
 * Id of the microphone that the system prefers; null if there is none.
 */
defaultMicrophone: string | null, 
/**
 * Id of the speaker that the system prefers; null if there is none.
 */
defaultSpeaker: string | null, 
/**
 * Id of the camera that is taken if none is chosen; null if there is none.
 */
defaultCamera: string | null, };

export type RehearsalView = { 
/**
 * Microphone; its level comes in [`crate::UiEvent::Levels`] under the id `self`.
 */
microphone: DeviceState, 
/**
 * Camera; its picture comes as [`crate::frame::SELF_TRACK`].
 */
camera: DeviceState, };

export type ShareKind = "screen" | "window" | "system";

export type ShareSource = { 
/**
 * Names it in the command that shares it.
 */
id: string, 
/**
 * Screen, window, or the system's choice.
 */
kind: ShareKind, 
/**
 * Title of the window, or name of the screen.
 */
title: string, 
/**
 * Width in pixels.
 */
width: number, 
/**
 * Height in pixels.
 */
height: number, 
/**
 * What it shows, as a `data:` URL of a small picture; null if it can't be had.
 */
thumbnail: string | null, };

export type ShareChoice = { 
/**
 * Screens first, then windows.
 */
sources: Array<ShareSource>, 
/**
 * True if the computer's sound can go along.
 */
sound: boolean, };

export type ShareView = { 
/**
 * Title of the window, or name of the screen.
 */
title: string, 
/**
 * How the capture stands; never `off`.
 */
capture: DeviceState, 
/**
 * True while the window is minimized: the others see its last picture.
 */
paused: boolean, 
/**
 * The computer's sound goes along.
 */
sound: boolean, };

export type RoomPeek = { 
/**
 * How many.
 */
count: number, 
/**
 * Their names, in the order in which they came; fewer than `count` where some are not told.
 */
names: Array<string>, };

export type SelfView = { 
/**
 * Own peer id; null until the server has told it.
 */
id: string | null, 
/**
 * Own name.
 */
name: string, 
/**
 * Microphone.
 */
mic: DeviceState, 
/**
 * Camera.
 */
camera: DeviceState, 
/**
 * Speaker.
 */
speaker: DeviceState, 
/**
 * What one shares; null while nothing.
 */
share: ShareView | null, };

export type CallView = { 
/**
 * Link to share.
 */
link: string, 
/**
 * The room's name.
 */
room: string, 
/**
 * Oneself.
 */
me: SelfView, 
/**
 * The others, in the order in which they came.
 */
participants: Array<Participant>, 
/**
 * Messages so far, oldest first.
 */
chat: Array<ChatMessage>, 
/**
 * Peer id of who speaks or spoke last; null before anyone did, and if that was oneself.
 */
activeSpeaker: string | null, };

export type RoomTarget = { 
/**
 * The link in its one form, with the token that it brought.
 */
link: string, 
/**
 * The server: host, and port if it is not the usual one.
 */
host: string, 
/**
 * The room's name.
 */
room: string, 
/**
 * What is said to the server is read by nobody on the way.
 */
private: boolean, 
/**
 * One was on this server before, or chose it oneself: it may be called without asking.
 */
known: boolean, };

export type Opening = { 
/**
 * The link as it came; empty without one.
 */
text: string, 
/**
 * Where it leads; null if nowhere.
 */
room: RoomTarget | null, 
/**
 * The name that came along; null without one.
 */
name: string | null, 
/**
 * Why it was not done.
 */
error: UserError | null, };

export type RecentRoom = { 
/**
 * Its link.
 */
link: string, 
/**
 * When one last joined, in milliseconds since 1970.
 */
at: number, };

export type Settings = { 
/**
 * Own display name.
 */
name: string, 
/**
 * Server for calls one starts; null means the embedded one.
 */
server: string | null, 
/**
 * Token for that server, if it asks for one.
 */
serverToken: string | null, 
/**
 * Rooms one was in, newest first.
 */
recent: Array<RecentRoom>, 
/**
 * Id of the microphone; null follows the system's default.
 */
microphone: string | null, 
/**
 * Id of the speaker; null follows the system's default.
 */
speaker: string | null, 
/**
 * Id of the camera; null takes the first one.
 */
camera: string | null, 
/**
 * What is done to the microphone's sound.
 */
processing: Processing, 
/**
 * Calls begin with the microphone on.
 */
micOn: boolean, 
/**
 * Calls begin with the camera on.
 */
cameraOn: boolean, };

export type Snapshot = { 
/**
 * Where the call stands.
 */
state: CallState, 
/**
 * The call; null when idle.
 */
call: CallView | null, 
/**
 * Remembered settings.
 */
settings: Settings, 
/**
 * Version of the app.
 */
version: string, };

export type PeerStats = { 
/**
 * Peer id.
 */
id: string, 
/**
 * Video frames decoded so far (headless) or handed to the window.
 */
frames: number, 
/**
 * Width of the last picture in pixels.
 */
width: number, 
/**
 * Height of the last picture in pixels.
 */
height: number, 
/**
 * Frames per second over the last second.
 */
fps: number, 
/**
 * Received media in bit/s over the last second.
 */
bitrate: number, 
/**
 * Round-trip time in milliseconds; null until measured.
 */
rttMs: number | null, 
/**
 * Share of packets lost so far, 0 to 1.
 */
loss: number, 
/**
 * Audio level as RMS, 0 to 1 of full scale.
 */
audioLevel: number, 
/**
 * Path to the peer: `host`, `srflx`, `prflx` or `relay`, the worse of both ends; empty until known.
 */
connection: string, };

export type Notice = { 
/**
 * True for what needs attention (announced assertively).
 */
urgent: boolean, 
/**
 * What happened and what to do.
 */
error: UserError, };

export type UiEvent = { "type": "snapshot", 
/**
 * The new state.
 */
snapshot: Snapshot, } | { "type": "call-state", 
/**
 * New state.
 */
state: CallState, } | { "type": "peer-connecting", 
/**
 * Them.
 */
participant: Participant, } | { "type": "peer-connect", 
/**
 * Them.
 */
participant: Participant, } | { "type": "peer-state", 
/**
 * Peer id.
 */
id: string, 
/**
 * New state.
 */
state: PeerState, } | { "type": "peer-disconnect", 
/**
 * Peer id.
 */
id: string, } | { "type": "track-added", 
/**
 * Peer id.
 */
id: string, 
/**
 * The track.
 */
track: TrackView, } | { "type": "track-removed", 
/**
 * Peer id.
 */
id: string, 
/**
 * Its handle.
 */
handle: number, } | { "type": "participant-changed", 
/**
 * Them.
 */
participant: Participant, } | { "type": "media-state", 
/**
 * Peer id.
 */
id: string, 
/**
 * New state.
 */
media: MediaState, } | { "type": "me", 
/**
 * New state.
 */
me: SelfView, } | { "type": "chat", 
/**
 * The message.
 */
message: ChatMessage, 
/**
 * Index before which it stands, if it is from before one came or was away; otherwise it is the newest.
 */
place?: number, } | { "type": "levels", 
/**
 * Pairs of peer id and RMS level, 0 to 1 of full scale.
 */
levels: Array<[string, number]>, } | { "type": "active-speaker", 
/**
 * Peer id; null if it is oneself, or if who spoke last has left.
 */
id: string | null, } | { "type": "speaking-while-muted" } | { "type": "rehearsal", 
/**
 * New state.
 */
rehearsal: RehearsalView, } | { "type": "devices", 
/**
 * What there is.
 */
devices: DeviceList, } | { "type": "stats", 
/**
 * One entry a peer.
 */
peers: Array<PeerStats>, } | { "type": "notice", 
/**
 * It.
 */
notice: Notice, } | { "type": "settings", 
/**
 * New settings.
 */
settings: Settings, } | { "type": "open-link", 
/**
 * It.
 */
opening: Opening, };
