//! A blank window is the commonest fault of WebKitGTK: its DMA-BUF renderer fails on machines without a GPU and on
//! NVIDIA's driver (tauri-apps/tauri#9304). There the older renderer is chosen, before GTK starts.
//!
//! Only Linux has WebKitGTK; on other systems nothing is wrong and nothing is changed.

use std::ffi::OsStr;
use std::path::Path;

/// The switch that WebKitGTK reads when its first web view is made.
pub const SWITCH: &str = "WEBKIT_DISABLE_DMABUF_RENDERER";

/// Why the older renderer is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No render node under `/dev/dri`: a virtual machine, a server, a container.
    NoGpu,
    /// NVIDIA's own driver is loaded.
    Nvidia,
}

/// Decides from the machine's files under `root` (`/` outside tests) and the user's own value of [`SWITCH`], which
/// always wins.
pub fn workaround(root: &Path, chosen: Option<&OsStr>) -> Option<Reason> {
    if chosen.is_some() {
        return None;
    }
    if root.join("proc/driver/nvidia").exists() || root.join("sys/module/nvidia").exists() {
        return Some(Reason::Nvidia);
    }
    let render_node = std::fs::read_dir(root.join("dev/dri"))
        .is_ok_and(|nodes| nodes.flatten().any(|node| node.file_name().to_string_lossy().starts_with("renderD")));
    (!render_node).then_some(Reason::NoGpu)
}

/// Applies [`workaround`] to this process and returns the reason, if there was one.
///
/// # Safety
///
/// It writes an environment variable, so no other thread may run yet: call it first in `main`.
pub unsafe fn prepare() -> Option<Reason> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let reason = workaround(Path::new("/"), std::env::var_os(SWITCH).as_deref())?;
    // SAFETY: the caller promises that this is the only thread.
    unsafe { std::env::set_var(SWITCH, "1") };
    Some(reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(paths: &[&str]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for path in paths {
            std::fs::create_dir_all(root.path().join(path)).unwrap();
        }
        root
    }

    #[test]
    fn a_machine_without_a_render_node_gets_the_older_renderer() {
        for paths in [&[][..], &["dev/dri"], &["dev/dri/card0"]] {
            assert_eq!(workaround(machine(paths).path(), None), Some(Reason::NoGpu), "{paths:?}");
        }
    }

    #[test]
    fn nvidia_gets_it_although_it_has_a_render_node() {
        for driver in ["proc/driver/nvidia", "sys/module/nvidia"] {
            let root = machine(&["dev/dri/renderD128", driver]);
            assert_eq!(workaround(root.path(), None), Some(Reason::Nvidia));
        }
    }

    #[test]
    fn other_gpus_keep_the_fast_renderer() {
        assert_eq!(workaround(machine(&["dev/dri/card0", "dev/dri/renderD129"]).path(), None), None);
    }

    #[test]
    fn what_the_user_set_stays() {
        for value in ["0", "1", ""] {
            assert_eq!(workaround(machine(&[]).path(), Some(OsStr::new(value))), None);
        }
    }
}
