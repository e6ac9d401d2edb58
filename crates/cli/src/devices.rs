//! `confab-peer devices`: what `--audio mic:NAME`, `--speaker speaker:NAME`, `--video camera:NAME` and `--share` may name.

use crate::plain;
use crate::sentences;
use confab_call::list_screens;
use confab_ipc::{Device, DeviceList, ErrorCode, ShareKind, ShareSource, UserError};
use serde_json::{Value, json};
use std::fmt::Write;

type Screens = Result<Vec<ShareSource>, UserError>;

/// Lists the devices, screens and windows on standard output. A computer whose screens can't be shared has the rest.
pub async fn list(as_json: bool) -> Result<(), UserError> {
    let list = confab_call::list_devices().await?;
    let screens = tokio::task::spawn_blocking(|| list_screens(false)).await;
    let screens = screens.map_err(|error| UserError::with_detail(ErrorCode::Internal, error)).flatten();
    if as_json {
        println!("{}", plain::json_line(&object(&list, &screens)));
    } else {
        print!("{}{}", table(&list), screen_table(&screens));
    }
    Ok(())
}

fn object(list: &DeviceList, screens: &Screens) -> Value {
    let mut object = json!(list);
    match screens {
        Ok(screens) => object["screens"] = json!(screens),
        Err(error) => object["screensError"] = sentences::object(error),
    }
    object
}

fn screen_table(screens: &Screens) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = match screens {
        Ok(screens) if screens.is_empty() => writeln!(out, "Screens and windows: none"),
        Ok(_) => writeln!(out, "Screens and windows"),
        Err(error) => writeln!(out, "Screens and windows: {}", sentences::with_detail(error)),
    };
    for screen in screens.iter().flatten() {
        let size = match screen.kind {
            ShareKind::System => "the desktop asks which".to_owned(),
            ShareKind::Screen | ShareKind::Window => format!("{}x{}", screen.width, screen.height),
        };
        let _ = writeln!(out, "   {}  {}  {size}", plain::one_line(&screen.title), plain::one_line(&screen.id));
    }
    out
}

fn table(list: &DeviceList) -> String {
    let mut out = String::new();
    section(&mut out, "Microphones", &list.microphones, list.default_microphone.as_deref());
    section(&mut out, "Speakers", &list.speakers, list.default_speaker.as_deref());
    section(&mut out, "Cameras", &list.cameras, list.default_camera.as_deref());
    out
}

fn section(out: &mut String, title: &str, devices: &[Device], default: Option<&str>) {
    // Writing to a string does not fail.
    let _ = writeln!(out, "{title}{}", if devices.is_empty() { ": none" } else { "" });
    for device in devices {
        let mark = if default == Some(device.id.as_str()) { '*' } else { ' ' };
        let id = if device.id == device.name { String::new() } else { format!("  {}", plain::one_line(&device.id)) };
        let _ = writeln!(out, " {mark} {}{id}", plain::one_line(&device.name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_marked_and_an_id_that_is_the_name_is_told_once() {
        let device = |id: &str, name: &str| Device { id: id.to_owned(), name: name.to_owned() };
        let list = DeviceList {
            microphones: vec![device("usb-1", "Headset"), device("pci-2", "Built-in Audio")],
            cameras: vec![device("HD Webcam", "HD Webcam")],
            default_microphone: Some("pci-2".to_owned()),
            default_camera: Some("HD Webcam".to_owned()),
            ..DeviceList::default()
        };
        let expected =
            "Microphones\n   Headset  usb-1\n * Built-in Audio  pci-2\nSpeakers: none\nCameras\n * HD Webcam\n";
        assert_eq!(table(&list), expected);
    }

    #[test]
    fn screens_are_told_with_what_shares_them_or_why_there_are_none() {
        let screen = ShareSource {
            id: "screen:1".to_owned(),
            kind: ShareKind::Screen,
            title: "Screen 1 (HDMI-1)".to_owned(),
            width: 1920,
            height: 1080,
            thumbnail: None,
        };
        let found = Ok(vec![screen]);
        assert_eq!(screen_table(&found), "Screens and windows\n   Screen 1 (HDMI-1)  screen:1  1920x1080\n");
        assert_eq!(object(&DeviceList::default(), &found)["screens"][0]["id"], "screen:1");
        let none = Err(UserError::new(ErrorCode::ScreenUnsupported));
        assert!(screen_table(&none).contains("can't be shared"));
        assert_eq!(object(&DeviceList::default(), &none)["screensError"]["code"], "screen-unsupported");
    }
}
