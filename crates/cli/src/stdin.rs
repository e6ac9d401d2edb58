//! Lines of standard input, read on a thread of their own: a blocking read cannot be cancelled.

use std::io::BufRead;
use tokio::sync::mpsc;

/// Lines that wait to be sent; the reader waits when it is full.
const LINES: usize = 64;

/// Lines of standard input that hold something to say. Ends with the input.
pub fn lines() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(LINES);
    let read = move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { return };
            if !line.trim().is_empty() && sender.blocking_send(line).is_err() {
                return;
            }
        }
    };
    if let Err(error) = std::thread::Builder::new().name("stdin".into()).spawn(read) {
        tracing::error!(%error, "standard input is not read");
    }
    lines
}
