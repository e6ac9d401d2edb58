//! `confab-peer devices`: what `--audio mic:NAME`, `--speaker speaker:NAME` and `--video camera:NAME` may name.

use confab_protocol::UserError;
use confab_protocol::ipc::{Device, DeviceList};
use serde_json::json;
use std::fmt::Write;

/// Lists the devices on standard output.
pub async fn list(as_json: bool) -> Result<(), UserError> {
    let list = confab_call::list_devices().await?;
    if as_json {
        println!("{}", json!(list));
    } else {
        print!("{}", table(&list));
    }
    Ok(())
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
        let id = if device.id == device.name { String::new() } else { format!("  {}", device.id) };
        let _ = writeln!(out, " {mark} {}{id}", device.name);
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
}
