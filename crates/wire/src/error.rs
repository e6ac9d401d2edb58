//! Errors that reach a person: a stable code, and a sentence that says what happened and what to do.

use serde::{Deserialize, Serialize};
#[cfg(feature = "typescript")]
use ts_rs::TS;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident => $sentence:literal),+ $(,)?) => {
        /// Stable code of an error. Programs match on it; people read [`ErrorCode::sentence`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "typescript", derive(TS))]
        #[serde(rename_all = "kebab-case")]
        pub enum ErrorCode { $($(#[$doc])* $name),+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name),+];

            /// What happened and what to do, in words a person would say.
            pub fn sentence(self) -> &'static str {
                match self { $(ErrorCode::$name => $sentence),+ }
            }
        }
    };
}

codes! {
    /// A text that was meant to be a room link is none.
    BadLink => "That is not a room link. A link looks like http://host:port/r/room-name; ask for it again.",
    /// A display name that is empty, too long or has control characters.
    BadName => "Please enter a name of 1 to 64 characters.",
    /// The address of a server in the settings is not one.
    BadServer => "That is not a server address. It looks like https://meet.example.org or http://192.168.1.20:7420.",
    /// No answer from the server's address.
    ServerUnreachable => "The server can't be reached. Check your connection and the link, then try again.",
    /// Something answers at the address, but it is no Confab or rtc.io server.
    NotConfab => "There is a server at that address, but it is not a Confab server. Check the link.",
    /// The server understood and said no.
    JoinRefused => "The server did not let you in. Ask the person who sent the link.",
    /// As many people as a call can hold.
    RoomFull => "This call is full. Try again when someone has left.",
    /// The room takes no one any more.
    RoomClosed => "This call is closed. Ask for a new link.",
    /// Signaling is gone; peers are not.
    ServerLost => "The server is gone for the moment. You can still talk; new people can't join until it is back.",
    /// No free port for the embedded server.
    PortInUse => "Another program uses this port. Choose another one, or 0 for any free one.",
    /// The server could not listen at all.
    ListenFailed => "The server can't listen on this address. Check that the address belongs to this computer.",
    /// No camera is connected.
    CameraMissing => "No camera found. Connect one, then turn the camera on. Others still hear you.",
    /// A camera is there, another program has it.
    CameraBusy => "Your camera is in use by another program. Close it there, then try again.",
    /// A camera is there and does not work.
    CameraFailed => "Your camera doesn't answer. Unplug it and plug it in again, then turn the camera on.",
    /// A screen or window that is not there.
    ScreenMissing => "There is no such screen or window. Choose another one to share.",
    /// The system gives no pictures of its screens.
    ScreenUnsupported => "Screens can't be shared on this system. Others still see your camera and hear you.",
    /// The system's screens can't be looked at, for a reason of the system's.
    ScreenFailed => "Your screen can't be captured. Try again, or share another one.",
    /// The person chose nothing in the system's own dialog.
    ShareCancelled => "Nothing was chosen, so you are not sharing.",
    /// The computer's sound cannot go along with a share.
    ShareSoundUnsupported => "The sound of this computer can't be shared here. Share without it.",
    /// The computer's sound went along with a share and does not any more.
    ShareSoundEnded => "The sound of this computer is not shared any more. The picture still is; share again to have both.",
    /// What was shared is gone.
    ShareEnded => "The window you shared was closed, so you are not sharing any more.",
    /// Encoding takes more time than there is.
    ComputerBusy => "Your computer is too busy to send your full picture. Others see a smaller one; closing programs helps.",
    /// No microphone is connected.
    MicrophoneMissing => "No microphone found. Connect one, then unmute. You still hear the others.",
    /// A microphone is there and does not work.
    MicrophoneFailed => "Your microphone doesn't answer. Check the sound settings of your system, then unmute.",
    /// No loudspeaker.
    SpeakerMissing => "No speaker or headphones found. Connect some to hear the others.",
    /// A microphone, speaker or camera was plugged in or out, and another one is used.
    DeviceChanged => "A device was plugged in or out, so another one is used now. You can choose one in the settings.",
    /// No sound server runs.
    NoSoundServer => "Sound isn't running on this computer, so you can't hear or be heard. Start it, then rejoin.",
    /// A media file that cannot be read.
    FileUnreadable => "The file can't be read. Check its name and that you may open it.",
    /// A media file of a kind we do not play.
    FileFormat => "The file has the wrong format. Video must be Y4M with 4:2:0, sound must be WAV.",
    /// A folder that cannot be written.
    RecordFailed => "The recording can't be written. Check the folder and the free space.",
    /// Chat text that is empty or too long.
    ChatText => "A message can have up to 4000 characters. Shorten it, or send it in parts.",
    /// A volume beyond what there is.
    BadVolume => "A volume goes from 0 to 400 percent.",
    /// A command about someone who is not, or no longer, in the call.
    ParticipantGone => "This person is not in the call any more.",
    /// A command that needs a call, without one.
    NotInCall => "You are not in a call. Start one or join with a link.",
    /// A start or join during a call.
    AlreadyInCall => "You are in a call already. Leave it first.",
    /// A link that must not be opened.
    LinkNotOpened => "This link can't be opened. Only web addresses can.",
    /// Settings that cannot be stored.
    SettingsNotSaved => "Your settings can't be saved. Check the free space and the rights of the data folder.",
    /// A peer that sends rubbish or floods.
    PeerMisbehaving => "Someone's program sends more than it should. Their messages are dropped; the call goes on.",
    /// A connection to one peer that cannot be made.
    PeerUnreachable => "One person can't be reached directly. A TURN server would help; ask who runs the server.",
    /// A mistake of ours.
    Internal => "Something went wrong inside Confab. Leave and join again; if it stays, report it.",
}

/// An error for a person: `{ code, message, detail? }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "typescript", derive(TS))]
pub struct UserError {
    /// Stable code.
    pub code: ErrorCode,
    /// What happened and what to do.
    pub message: String,
    /// Technical cause, shown behind "More".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "typescript", ts(optional))]
    pub detail: Option<String>,
}

impl UserError {
    /// An error with the sentence of its code.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, message: code.sentence().to_owned(), detail: None }
    }

    /// The same with a technical cause.
    pub fn with_detail(code: ErrorCode, detail: impl std::fmt::Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(code) }
    }

    /// The same with a sentence of its own (a server's reason, the name of a file).
    pub fn with_message(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), detail: None }
    }
}

impl std::fmt::Display for UserError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)?;
        match &self.detail {
            Some(detail) => write!(f, " ({detail})"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for UserError {}

impl From<ErrorCode> for UserError {
    fn from(code: ErrorCode) -> Self {
        Self::new(code)
    }
}
