//! Errors that reach a person: a stable code with what belongs to it, no sentence. The sentences are the user interface's
//! (`ui/src/i18n/en.ts`) and the command line's (`crates/cli/src/sentences.rs`).

use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fmt::{Display, Formatter};
use ts_rs::TS;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// Stable code of an error. Programs match on it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
        #[serde(rename_all = "kebab-case")]
        pub enum ErrorCode { $($(#[$doc])* $name),+ }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[ErrorCode] = &[$(ErrorCode::$name),+];
        }

        /// Its stable name.
        impl Display for ErrorCode {
            fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                self.serialize(f)
            }
        }
    };
}

codes! {
    /// A text that was meant to be a room link is none.
    BadLink,
    /// A display name that is empty, too long or has control characters.
    BadName,
    /// The address of a server in the settings is not one.
    BadServer,
    /// No answer from the server's address.
    ServerUnreachable,
    /// The certificate of the server is not trusted, is out of date, or is that of another name.
    UntrustedCertificate,
    /// Something answers at the address, but it is no Confab or rtc.io server.
    NotConfab,
    /// The server understood and said no.
    JoinRefused,
    /// As many people as a call can hold.
    RoomFull,
    /// The room takes no one any more.
    RoomClosed,
    /// Signaling is gone; peers are not.
    ServerLost,
    /// No free port for the embedded server.
    PortInUse,
    /// The server could not listen at all.
    ListenFailed,
    /// No camera is connected.
    CameraMissing,
    /// A camera is there, another program has it.
    CameraBusy,
    /// A camera is there and does not work.
    CameraFailed,
    /// A screen or window that is not there.
    ScreenMissing,
    /// The system gives no pictures of its screens.
    ScreenUnsupported,
    /// The system's screens can't be captured, for a reason of the system's.
    ScreenFailed,
    /// The person chose nothing in the system's own dialog.
    ShareCancelled,
    /// The computer's sound cannot go along with a share.
    ShareSoundUnsupported,
    /// The computer's sound went along with a share and does not any more.
    ShareSoundEnded,
    /// What was shared is gone.
    ShareEnded,
    /// Encoding takes more time than there is.
    ComputerBusy,
    /// No microphone is connected.
    MicrophoneMissing,
    /// A microphone is there and does not work.
    MicrophoneFailed,
    /// No loudspeaker.
    SpeakerMissing,
    /// A microphone, speaker or camera was plugged in or out, and another one is used.
    DeviceChanged,
    /// No sound server runs.
    NoSoundServer,
    /// A media file that cannot be read.
    FileUnreadable,
    /// A media file of a kind we do not play.
    FileFormat,
    /// A folder that cannot be written.
    RecordFailed,
    /// Chat text that is empty or too long.
    ChatText,
    /// A volume beyond what there is.
    BadVolume,
    /// A command about someone who is not, or no longer, in the call.
    ParticipantGone,
    /// A command that needs a call, without one.
    NotInCall,
    /// A start or join during a call.
    AlreadyInCall,
    /// A link that must not be opened.
    LinkNotOpened,
    /// The link cannot be put on the clipboard.
    LinkNotCopied,
    /// Settings that cannot be stored.
    SettingsNotSaved,
    /// Settings that cannot be read: fresh ones are used, the old file is kept aside.
    SettingsReset,
    /// The window's page stopped again and was made anew: microphone and camera were turned off.
    WindowRestarted,
    /// A peer that sends rubbish or floods.
    PeerMisbehaving,
    /// A connection to one peer that cannot be made; `name`: theirs.
    PeerUnreachable,
    /// A mistake of ours.
    Internal,
}

macro_rules! reasons {
    ($($(#[$doc:meta])* $name:ident: $code:ident),+ $(,)?) => {
        /// What an error of some code comes from, where a person can do something else about it than the code says. It is
        /// the parameter `reason` of the error.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
        #[serde(rename_all = "kebab-case")]
        pub enum ErrorReason { $($(#[$doc])* $name),+ }

        impl ErrorReason {
            /// Every reason.
            pub const ALL: &[ErrorReason] = &[$(ErrorReason::$name),+];

            /// Code of the errors that have it.
            pub fn code(self) -> ErrorCode {
                match self { $(ErrorReason::$name => ErrorCode::$code),+ }
            }
        }

        /// Its stable name.
        impl Display for ErrorReason {
            fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
                self.serialize(f)
            }
        }
    };
}

reasons! {
    /// The text is too long to look for a link in it.
    LinkTooLong: BadLink,
    /// A web address, but not that of a room.
    LinkPath: BadLink,
    /// The room's name in the link is damaged.
    LinkRoom: BadLink,
    /// The server in the link is none.
    LinkServer: BadLink,
    /// The token in the link is damaged.
    LinkToken: BadLink,
    /// The name has nothing to see in it.
    NameInvisible: BadName,
    /// A `word` of the name mixes alphabets.
    NameAlphabets: BadName,
    /// A server refused with a sentence of its own: `message`.
    ServerMessage: JoinRefused,
    /// The room's name is empty, too long (over `max` characters) or has control characters.
    RoomName: JoinRefused,
    /// The connection is in `max` rooms, as many as it may be.
    TooManyRooms: JoinRefused,
    /// The program asked too often who is in a room.
    TooManyQuestions: JoinRefused,
    /// The server has no place for another connection.
    ServerFull: JoinRefused,
    /// The server lets in nobody without a token.
    TokenRequired: JoinRefused,
    /// The token is none.
    TokenMalformed: JoinRefused,
    /// The token is signed by an algorithm that the server does not take.
    TokenAlgorithm: JoinRefused,
    /// The token is another server's, or was changed.
    TokenSignature: JoinRefused,
    /// The token's time is over.
    TokenExpired: JoinRefused,
    /// The token's time has not come.
    TokenNotYetValid: JoinRefused,
    /// The token says too much; `claim`: where.
    TokenTooLarge: JoinRefused,
    /// The token does not open the room.
    TokenRoom: JoinRefused,
    /// This program sent more than the server takes.
    TooManyMessages: PeerMisbehaving,
    /// No camera has this `name`.
    CameraNotFound: CameraMissing,
    /// The camera sends damaged pictures.
    CameraDamaged: CameraFailed,
    /// The system does not let the program use the camera.
    CameraNotAllowed: CameraFailed,
    /// The device that was chosen gives no pictures.
    CameraWithoutPictures: CameraFailed,
    /// The desktop asks what to share in a dialog of its own.
    ScreenChosenByDesktop: ScreenMissing,
    /// The desktop has no portal that captures screens.
    ScreenPortalMissing: ScreenUnsupported,
    /// The screen that was shared was disconnected.
    ScreenDisconnected: ShareEnded,
    /// What was shared was closed, or the desktop ended the capture.
    ShareEndedByDesktop: ShareEnded,
    /// The microphone `previous` was unplugged, `device` is used.
    MicrophoneUnplugged: DeviceChanged,
    /// The chosen microphone, `device`, is there again and used.
    MicrophoneBack: DeviceChanged,
    /// The chosen microphone is not there, `device` is used.
    MicrophoneNotConnected: DeviceChanged,
    /// The speaker `previous` was unplugged, `device` is used.
    SpeakerUnplugged: DeviceChanged,
    /// The chosen speaker, `device`, is there again and used.
    SpeakerBack: DeviceChanged,
    /// The chosen speaker is not there, `device` is used.
    SpeakerNotConnected: DeviceChanged,
    /// The camera `previous` was unplugged, `device` is used.
    CameraUnplugged: DeviceChanged,
    /// The chosen camera, `device`, is there again and used.
    CameraBack: DeviceChanged,
    /// The chosen camera is not there, `device` is used.
    CameraNotConnected: DeviceChanged,
    /// A chat message with nothing to read in it.
    ChatTextEmpty: ChatText,
    /// The old settings file cannot even be moved aside.
    SettingsFileStays: SettingsReset,
}

/// Name of the parameter that holds an [`ErrorReason`].
const REASON: &str = "reason";

/// An error for a person: `{ code, params?, detail? }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct UserError {
    /// Stable code.
    pub code: ErrorCode,
    /// What its sentence names: a person, a device, and `reason` where the code alone does not say what to do.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[ts(optional, as = "Option<BTreeMap<String, String>>")]
    pub params: BTreeMap<String, String>,
    /// Technical cause, shown behind "More".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub detail: Option<String>,
}

impl UserError {
    /// An error with nothing but its code.
    pub fn new(code: ErrorCode) -> Self {
        Self { code, params: BTreeMap::new(), detail: None }
    }

    /// An error with a technical cause.
    pub fn with_detail(code: ErrorCode, detail: impl Display) -> Self {
        Self { detail: Some(detail.to_string()), ..Self::new(code) }
    }

    /// The same with another parameter.
    #[must_use]
    pub fn param(mut self, name: &str, value: impl Into<String>) -> Self {
        self.params.insert(name.to_owned(), value.into());
        self
    }

    /// The same with this technical cause.
    #[must_use]
    pub fn detail(self, detail: impl Display) -> Self {
        Self { detail: Some(detail.to_string()), ..self }
    }

    /// What it comes from, if its code alone does not say that.
    pub fn reason(&self) -> Option<ErrorReason> {
        serde_json::from_value(Value::from(self.params.get(REASON)?.as_str())).ok()
    }
}

/// The code, for logs: people get a sentence.
impl Display for UserError {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.code)?;
        for (name, value) in &self.params {
            write!(f, ", {name}: {value}")?;
        }
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

impl From<ErrorReason> for UserError {
    fn from(reason: ErrorReason) -> Self {
        Self::new(reason.code()).param(REASON, reason.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn it_crosses_without_what_it_has_not() {
        let plain = UserError::new(ErrorCode::RoomFull);
        assert_eq!(json!(plain), json!({ "code": "room-full" }));
        let whole = UserError::from(ErrorReason::CameraNotFound).param("name", "Webcam").detail("none of 2");
        let expected = json!({
            "code": "camera-missing", "params": { "name": "Webcam", "reason": "camera-not-found" }, "detail": "none of 2",
        });
        assert_eq!(json!(whole), expected);
        assert_eq!(serde_json::from_value::<UserError>(expected).unwrap(), whole);
        assert_eq!(whole.to_string(), "camera-missing, name: Webcam, reason: camera-not-found (none of 2)");
    }

    #[test]
    fn a_reason_is_found_again() {
        for reason in ErrorReason::ALL {
            let error = UserError::from(*reason);
            assert_eq!((error.code, error.reason()), (reason.code(), Some(*reason)));
        }
        assert_eq!(UserError::new(ErrorCode::Internal).reason(), None);
        assert_eq!(UserError::new(ErrorCode::Internal).param("reason", "of a later version").reason(), None);
    }
}
