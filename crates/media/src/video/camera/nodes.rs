//! Cameras out of the nodes that a system lists: one camera can have several, of which only one gives pictures.

use nokhwa::utils::{CameraIndex, CameraInfo};

use crate::devices::matching;
use crate::devices::types::Device;

/// A camera.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FoundCamera {
    /// What people choose it by.
    pub(super) device: Device,
    /// Its nodes, to be tried in this order.
    pub(super) nodes: Vec<CameraIndex>,
}

/// The cameras behind the nodes of `listed`, in the order of their numbers. `unit` names the hardware that a node
/// belongs to, where the system has that.
pub(super) fn cameras(mut listed: Vec<CameraInfo>, unit: impl Fn(&CameraIndex) -> Option<String>) -> Vec<FoundCamera> {
    listed.sort_by_key(|info| info.index().as_index().unwrap_or(u32::MAX));
    let mut found: Vec<(Option<String>, FoundCamera)> = Vec::new();
    for info in listed {
        let unit = unit(info.index());
        let index = info.index().clone();
        if let Some((_, camera)) = found.iter_mut().find(|(known, _)| unit.is_some() && *known == unit) {
            camera.nodes.push(index);
            continue;
        }
        let name = matching::clean_name(&info.human_name());
        let id = match unit.as_deref().and_then(|unit| unit.rsplit('/').next()) {
            // The number of a node changes when a camera is plugged in again; its name and its socket do not. Also for one
            // that is alone of its kind: it has to keep its id when an equal one comes or goes.
            Some(socket) => format!("{name} ({socket})"),
            None => {
                let alike = found.iter().filter(|(unit, camera)| unit.is_none() && camera.device.name == name).count();
                if alike == 0 { name.clone() } else { format!("{name} #{}", alike + 1) }
            }
        };
        found.push((unit, FoundCamera { device: Device { id, name }, nodes: vec![index] }));
    }
    found.into_iter().map(|(_, camera)| camera).collect()
}

/// The camera that is called `name`: by id, name, a part of it, or the number of a node.
pub(super) fn find_camera<'a>(cameras: &'a [FoundCamera], name: &str) -> Option<&'a FoundCamera> {
    let devices: Vec<Device> = cameras.iter().map(|camera| camera.device.clone()).collect();
    let by_number = |camera: &&FoundCamera| camera.nodes.iter().any(|node| node.as_string() == name);
    cameras.iter().find(by_number).or_else(|| {
        let device = matching::find_device(&devices, name)?;
        cameras.iter().find(|camera| camera.device == *device)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(number: u32, name: &str) -> CameraInfo {
        CameraInfo::new(name, "", "", CameraIndex::Index(number))
    }

    fn found() -> Vec<FoundCamera> {
        of(vec![
            node(4, "HD Webcam"),
            node(1, "HD Webcam"),
            node(0, "HD Webcam"),
            node(2, "Loopback"),
            node(3, "Loopback"),
        ])
    }

    fn of(nodes: Vec<CameraInfo>) -> Vec<FoundCamera> {
        // Nodes 0 and 1 are one camera, 4 is another of the same make; a virtual device belongs to no hardware.
        cameras(nodes, |index| match index.as_index().ok()? {
            0 | 1 => Some("/sys/devices/pci/usb1/1-4".to_owned()),
            4 => Some("/sys/devices/pci/usb1/1-6".to_owned()),
            _ => None,
        })
    }

    #[test]
    fn a_camera_with_several_nodes_is_listed_once() {
        let found = found();
        let ids: Vec<&str> = found.iter().map(|camera| camera.device.id.as_str()).collect();
        assert_eq!(ids, ["HD Webcam (1-4)", "Loopback", "Loopback #2", "HD Webcam (1-6)"]);
        assert_eq!(found[0].nodes, [CameraIndex::Index(0), CameraIndex::Index(1)]);
        assert_eq!(found[3].device.name, "HD Webcam");
        assert_eq!(of(vec![node(4, "HD Webcam")]), found[3..], "it stays itself when the other one is gone");
    }

    #[test]
    fn a_camera_is_meant_by_its_number_id_or_name() {
        let found = found();
        let id = |name| find_camera(&found, name).map(|camera| camera.device.id.as_str());
        assert_eq!(id("4"), Some("HD Webcam (1-6)"));
        assert_eq!(id("HD Webcam (1-6)"), Some("HD Webcam (1-6)"));
        assert_eq!(id("HD Webcam"), Some("HD Webcam (1-4)"));
        assert_eq!(id("HD Webcam (2-1)"), Some("HD Webcam (1-4)"), "it may have been plugged in elsewhere");
        assert_eq!(id("loop"), Some("Loopback"));
        assert_eq!(id("9"), None);
    }
}
