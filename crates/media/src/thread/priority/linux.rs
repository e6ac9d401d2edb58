//! Linux: by permission of this process, or from RealtimeKit, which grants it to programs of a desktop
//! (`org.freedesktop.RealtimeKit1`).

use std::sync::OnceLock;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::setpriority_process;
use rustix::thread::{Pid, gettid};
use zbus::blocking::Connection;

/// Nice value: that of PulseAudio itself, and in the range that RealtimeKit grants (-15 and above).
pub(super) const NICE: i32 = -11;
/// RealtimeKit starts when it is called; a device that opens does not wait for it longer.
const PATIENCE: Duration = Duration::from_millis(500);

/// Raises the thread that calls.
pub(super) fn raise() -> Result<(), String> {
    let id = gettid();
    // With PRIO_PROCESS, Linux means the thread of this id (setpriority(2)).
    if setpriority_process(Some(id), NICE).is_ok() {
        return Ok(());
    }
    static REFUSED: OnceLock<String> = OnceLock::new();
    match REFUSED.get() {
        Some(error) => Err(error.clone()),
        None => ask(id).inspect_err(|error| drop(REFUSED.set(error.clone()))),
    }
}

/// Asks RealtimeKit for it.
fn ask(id: Pid) -> Result<(), String> {
    let (answer, answered) = mpsc::channel();
    let thread = u64::from(id.as_raw_nonzero().get().unsigned_abs());
    let call = move || {
        let asked = Connection::system().and_then(|bus| {
            let service = Some("org.freedesktop.RealtimeKit1");
            let path = "/org/freedesktop/RealtimeKit1";
            bus.call_method(service, path, service, "MakeThreadHighPriority", &(thread, NICE))
        });
        let _ = answer.send(asked.map(drop).map_err(|error| format!("RealtimeKit: {error}")));
    };
    // Nothing limits how long a bus takes to answer.
    thread::Builder::new().name("confab-rtkit".into()).spawn(call).map_err(|error| error.to_string())?;
    match answered.recv_timeout(PATIENCE) {
        Ok(answer) => answer,
        Err(RecvTimeoutError::Timeout) => Err("RealtimeKit does not answer".into()),
        Err(RecvTimeoutError::Disconnected) => Err("asking RealtimeKit failed".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::{NICE, raise};
    use rustix::process::{getpriority_process, setpriority_process};
    use rustix::thread::gettid;
    use std::thread;

    #[test]
    fn a_raised_thread_hands_its_priority_to_those_it_starts() {
        let nice = || getpriority_process(Some(gettid())).unwrap();
        let before = nice();
        let raised = thread::spawn(move || {
            // Without permission and without RealtimeKit it is an error.
            let told = raise().is_ok();
            let inherited = thread::spawn(nice).join().unwrap();
            (told, nice(), inherited)
        });
        let (told, own, inherited) = raised.join().unwrap();
        let expected = if told { NICE } else { before };
        assert_eq!((own, inherited), (expected, expected));
        assert_eq!(nice(), before, "the others stay as they are");
        let may = thread::spawn(|| setpriority_process(Some(gettid()), NICE).is_ok()).join().unwrap();
        assert!(told || !may, "what is allowed is done");
    }
}
