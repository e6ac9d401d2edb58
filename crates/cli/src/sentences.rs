//! What errors mean and what to do about them, for people at a terminal. The window's sentences are in
//! `ui/src/i18n/en.ts`.

use confab_ipc::{ErrorCode, ErrorReason, MAX_VOLUME, UserError};
use confab_wire::limits;
use serde_json::{Value, json};

/// What happened and what to do.
pub fn sentence(error: &UserError) -> String {
    let text = error.reason().map_or_else(|| of_code(error.code), of_reason);
    let limits =
        [("nameChars", limits::NAME_CHARS), ("chatChars", limits::CHAT_CHARS), ("maxVolume", MAX_VOLUME.into())]
            .map(|(name, limit)| (name, limit.to_string()));
    let own = error.params.iter().map(|(name, value)| (name.as_str(), value.clone()));
    fill(text, &limits.into_iter().chain(own).collect::<Vec<_>>())
}

/// The sentence, and the technical cause behind it.
pub fn with_detail(error: &UserError) -> String {
    match &error.detail {
        Some(detail) => format!("{} ({detail})", sentence(error)),
        None => sentence(error),
    }
}

/// The error for programs, with its sentence as `message`.
pub fn object(error: &UserError) -> Value {
    let mut object = json!(error);
    object["message"] = json!(sentence(error));
    object
}

/// `text` with `{name}` replaced by the parameter of that name; what a parameter contains is left as it is.
fn fill(text: &str, params: &[(&str, String)]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, (name, after))) =
        rest.split_once('{').and_then(|(before, named)| Some((before, named.split_once('}')?)))
    {
        out.push_str(before);
        match params.iter().find(|(known, _)| *known == name) {
            Some((_, value)) => out.push_str(value),
            None => out.extend(["{", name, "}"]),
        }
        rest = after;
    }
    out + rest
}

fn of_code(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::BadLink => {
            "That is not a room link. A link looks like http://host:port/r/room-name; ask for it again."
        }
        ErrorCode::BadName => "Please enter a name of 1 to {nameChars} characters.",
        ErrorCode::BadServer => {
            "That is not a server address. It looks like https://meet.example.org or http://192.168.1.20:7420."
        }
        ErrorCode::ServerUnreachable => {
            "The server can't be reached. Check your connection and the link, then try again."
        }
        ErrorCode::UntrustedCertificate => {
            "The certificate of the server can't be trusted: somebody may be pretending to be it. Ask whoever runs it."
        }
        ErrorCode::NotConfab => "There is a server at that address, but it is not a Confab server. Check the link.",
        ErrorCode::JoinRefused => "The server did not let you in. Ask the person who sent the link.",
        ErrorCode::RoomFull => "This call is full. Try again when someone has left.",
        ErrorCode::RoomClosed => "This call is closed. Ask for a new link.",
        ErrorCode::ServerLost => {
            "The server is gone for the moment. You can still talk; new people can't join until it is back."
        }
        ErrorCode::PortInUse => "Another program uses this port. Choose another one, or 0 for any free one.",
        ErrorCode::ListenFailed => {
            "The server can't listen on this address. Check that the address belongs to this computer."
        }
        ErrorCode::CameraMissing => "No camera found. Connect one, then turn the camera on. Others still hear you.",
        ErrorCode::CameraBusy => "Your camera is in use by another program. Close it there, then try again.",
        ErrorCode::CameraFailed => {
            "Your camera doesn't answer. Unplug it and plug it in again, then turn the camera on."
        }
        ErrorCode::ScreenMissing => "There is no such screen or window. Choose another one to share.",
        ErrorCode::ScreenUnsupported => {
            "Screens can't be shared on this system. Others still see your camera and hear you."
        }
        ErrorCode::ScreenFailed => "Your screen can't be captured. Try again, or share another one.",
        ErrorCode::ShareCancelled => "Nothing was chosen, so you are not sharing.",
        ErrorCode::ShareSoundUnsupported => "The sound of this computer can't be shared here. Share without it.",
        ErrorCode::ShareSoundEnded => {
            "The sound of this computer is not shared any more. The picture still is; share again to have both."
        }
        ErrorCode::ShareEnded => "The window you shared was closed, so you are not sharing any more.",
        ErrorCode::ComputerBusy => {
            "Your computer is too busy to send your full picture. Others see a smaller one; closing programs helps."
        }
        ErrorCode::MicrophoneMissing => "No microphone found. Connect one, then unmute. You still hear the others.",
        ErrorCode::MicrophoneFailed => {
            "Your microphone doesn't answer. Check the sound settings of your system, then unmute."
        }
        ErrorCode::SpeakerMissing => "No speaker or headphones found. Connect some to hear the others.",
        ErrorCode::DeviceChanged => {
            "A device was plugged in or out, so another one is used now. You can choose one in the settings."
        }
        ErrorCode::NoSoundServer => {
            "Sound isn't running on this computer, so you can't hear or be heard. Start it: the call goes on with \
             sound by itself."
        }
        ErrorCode::FileUnreadable => "The file can't be read. Check its name and that you may open it.",
        ErrorCode::FileFormat => {
            "The file has the wrong format. Video must be Y4M with 4:2:0 and 8 bits, sound must be uncompressed WAV."
        }
        ErrorCode::RecordFailed => "The recording can't be written. Check the folder and the free space.",
        ErrorCode::ChatText => "A message can have up to {chatChars} characters. Shorten it, or send it in parts.",
        ErrorCode::BadVolume => "A volume goes from 0 to {maxVolume} percent.",
        ErrorCode::ParticipantGone => "This person is not in the call any more.",
        ErrorCode::NotInCall => "You are not in a call. Start one or join with a link.",
        ErrorCode::AlreadyInCall => "You are in a call already. Leave it first.",
        ErrorCode::LinkNotOpened => "This link can't be opened. Only web addresses can.",
        ErrorCode::LinkNotCopied => "The link can't be copied here. Select it and copy it by hand.",
        ErrorCode::SettingsNotSaved => {
            "Your settings can't be saved. Check the free space and the rights of the data folder."
        }
        ErrorCode::SettingsReset => {
            "Your settings could not be read, so Confab starts with fresh ones. The old file is kept as \
             settings.json.bak."
        }
        ErrorCode::WindowRestarted => {
            "Confab's window stopped again and was made anew. So that nobody hears or sees you unawares, your microphone \
             and camera are off."
        }
        ErrorCode::PeerMisbehaving => {
            "Someone's program sends more than it should. Their messages are dropped; the call goes on."
        }
        ErrorCode::PeerUnreachable => {
            "There is no connection to {name}: the networks between you don't let it through. Try another network; who \
             runs the server can help, too."
        }
        ErrorCode::Internal => "Something went wrong inside Confab. Leave and join again; if it stays, report it.",
    }
}

fn of_reason(reason: ErrorReason) -> &'static str {
    match reason {
        ErrorReason::ServerMessage => "{message}",
        ErrorReason::LinkTooLong => "This is too long to find a link in it. Copy the link alone.",
        ErrorReason::LinkPath => {
            "This is a web address, but no link to a call: those end in /r/ and the name of a room. Ask for the link again."
        }
        ErrorReason::LinkRoom => {
            "The end of this link is damaged: the name of a room has only letters of A to Z, digits and - . _ ~. Ask for \
             the link again."
        }
        ErrorReason::LinkServer => {
            "This link names no server that can be called: it must begin with http or https and hold no user name. Ask \
             for the link again."
        }
        ErrorReason::LinkToken => "The token in this link is damaged. Ask whoever issued it for a new link.",
        ErrorReason::NameInvisible => {
            "Others would see no name: this one has nothing but invisible characters. Enter a name of 1 to {nameChars} \
             characters."
        }
        ErrorReason::NameAlphabets => {
            "\"{word}\" mixes letters of several alphabets, so it looks like another name. Write each word in one alphabet."
        }
        ErrorReason::RoomName => "A room needs a name of 1 to {max} visible characters.",
        ErrorReason::TooManyRooms => "One connection can be in {max} rooms at once. Leave one first.",
        ErrorReason::TooManyQuestions => "Too many questions. Wait a moment, then ask again.",
        ErrorReason::ServerFull => "The server is full. Try again later, or use another server.",
        ErrorReason::TokenRequired => {
            "This server lets in only people with a token. Ask its operator for one, and send it as auth.token."
        }
        ErrorReason::TokenMalformed => "The token can't be read. Send the whole token, as its issuer gave it.",
        ErrorReason::TokenAlgorithm => {
            "The token is not signed with HS256, the only algorithm of this server. Ask its issuer for another one."
        }
        ErrorReason::TokenSignature => {
            "The token was not issued for this server, or it was changed. Ask its issuer for a new one."
        }
        ErrorReason::TokenExpired => "The token has expired. Ask its issuer for a new one, and connect again.",
        ErrorReason::TokenNotYetValid => {
            "The token is not good yet. Check the clocks of this computer and of its issuer."
        }
        ErrorReason::TokenTooLarge => "The token's {claim} is too large. Ask its issuer for a smaller one.",
        ErrorReason::TokenRoom => "The token does not open this room. Ask its issuer for one that does.",
        ErrorReason::TooManyMessages => {
            "This program sends more than the server takes, so the server closed the connection. Join again."
        }
        ErrorReason::CameraNotFound => "There is no camera called {name}. Choose another one in the settings.",
        ErrorReason::CameraDamaged => {
            "Your camera sends damaged pictures. Try another cable or socket, then turn the camera on."
        }
        ErrorReason::CameraNotAllowed => {
            "Your system doesn't let Confab use the camera. Allow it there (on Linux, be in the group \
             \"video\"), then turn the camera on."
        }
        ErrorReason::CameraWithoutPictures => "This device gives no pictures. Choose another camera in the settings.",
        ErrorReason::ScreenChosenByDesktop => {
            "On this desktop you choose in a dialog of the desktop what to share: share \"screen\"."
        }
        ErrorReason::ScreenPortalMissing => {
            "Screens can't be shared on this desktop yet. Install xdg-desktop-portal and its part for your \
             desktop (such as xdg-desktop-portal-gnome, -kde or -wlr), then log in again."
        }
        ErrorReason::ScreenDisconnected => "The screen you shared was disconnected, so you are not sharing any more.",
        ErrorReason::ChatTextEmpty => "There is nothing to read in this message. Write something, then send it.",
        ErrorReason::ShareEndedByDesktop => {
            "What you shared was closed, or the desktop ended it, so you are not sharing any more."
        }
        ErrorReason::MicrophoneUnplugged => "{previous} was unplugged. Others hear you through {device} now.",
        ErrorReason::MicrophoneBack => "{device} is back. Others hear you through {device} now.",
        ErrorReason::MicrophoneNotConnected => {
            "The microphone you chose is not connected. Others hear you through {device} now."
        }
        ErrorReason::SpeakerUnplugged => "{previous} was unplugged. You hear the others through {device} now.",
        ErrorReason::SpeakerBack => "{device} is back. You hear the others through {device} now.",
        ErrorReason::SpeakerNotConnected => {
            "The speaker you chose is not connected. You hear the others through {device} now."
        }
        ErrorReason::CameraUnplugged => "{previous} was unplugged. Others see you through {device} now.",
        ErrorReason::CameraBack => "{device} is back. Others see you through {device} now.",
        ErrorReason::CameraNotConnected => {
            "The camera you chose is not connected. Others see you through {device} now."
        }
        ErrorReason::SettingsFileStays => {
            "Your settings could not be read, so Confab starts with fresh ones. The old file stays until you \
             save new settings."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use confab_testkit::sentences;

    #[test]
    fn parameters_and_limits_are_filled_in() {
        let text = |error: UserError| sentence(&error);
        assert_eq!(text(ErrorCode::BadName.into()), "Please enter a name of 1 to 64 characters.");
        assert_eq!(text(ErrorCode::BadVolume.into()), "A volume goes from 0 to 400 percent.");
        let unplugged =
            UserError::from(ErrorReason::MicrophoneUnplugged).param("previous", "{device}").param("device", "A");
        assert_eq!(text(unplugged), "{device} was unplugged. Others hear you through A now.");
        assert_eq!(text(ErrorReason::ServerMessage.into()), "{message}", "a parameter that is not there");
        let failed = UserError::with_detail(ErrorCode::CameraBusy, "os error 16");
        assert!(with_detail(&failed).ends_with("then try again. (os error 16)"));
        assert_eq!(object(&failed)["message"], sentence(&failed));
    }

    #[test]
    fn the_window_says_the_same() {
        let codes = ErrorCode::ALL.iter().map(|code| UserError::new(*code));
        for error in codes.chain(ErrorReason::ALL.iter().map(|reason| UserError::from(*reason))) {
            // A terminal gets the apostrophe and the quotation marks that it has on its keys.
            let window = sentences::sentence(&error).replace('’', "'").replace(['“', '”'], "\"");
            assert_eq!(window, sentence(&error), "{error}");
        }
    }
}
