//! Where namespaces may be made: here, if this is root; else in a child of this program in a user namespace of its own.

use std::fs::OpenOptions;
use std::io;
use std::process::{Command, ExitStatus};

/// Set in a process that has been given a user namespace of its own.
const INSIDE: &str = "CONFAB_LAB";

/// Why there is no laboratory here.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The system refuses namespaces or TUN devices.
    #[error(
        "the network laboratory can't run here: {what}: {error}. It needs root or user namespaces, /dev/net/tun and iproute2"
    )]
    Refused {
        /// What was tried.
        what: String,
        /// What came of it.
        error: io::Error,
    },
}

pub(super) fn refused(what: impl Into<String>) -> impl FnOnce(io::Error) -> LabError {
    |error| LabError::Refused { what: what.into(), error }
}

/// Where the rest has to happen.
#[derive(Debug)]
pub enum Inside {
    /// In this process.
    Here,
    /// It has happened, in a child with these arguments.
    Child(ExitStatus),
}

/// Finds the place for what this program does with `arguments`, and does it there if that is a child.
///
/// # Errors
/// Where no namespaces can be had at all.
pub fn program(arguments: &[&str]) -> Result<Inside, LabError> {
    OpenOptions::new().read(true).write(true).open("/dev/net/tun").map_err(refused("/dev/net/tun"))?;
    if nix::unistd::geteuid().is_root() || std::env::var_os(INSIDE).is_some() {
        return Ok(Inside::Here);
    }
    let me = std::env::current_exe().map_err(refused("this program's own path"))?;
    let probe = Command::new("unshare").args(["-Urn", "true"]).status().map_err(refused("unshare"))?;
    if !probe.success() {
        return Err(refused("a user namespace")(io::ErrorKind::PermissionDenied.into()));
    }
    let child = Command::new("unshare").arg("-Urn").arg(me).args(arguments).env(INSIDE, "1").status();
    child.map(Inside::Child).map_err(refused("unshare"))
}

/// The same for the test `name` of a test program. True: go on, you are inside. False: the child has run it, and passed.
///
/// # Errors
/// Where no namespaces can be had at all.
///
/// # Panics
/// If the test failed in the child.
pub fn inside(name: &str) -> Result<bool, LabError> {
    match program(&["--exact", name, "--nocapture"])? {
        Inside::Here => Ok(true),
        Inside::Child(status) => {
            assert!(status.success(), "{name} failed in its namespace");
            Ok(false)
        }
    }
}
