//! Renewal of TURN credentials while a call lasts.

use confab_rtcio::Socket;
use confab_wire::signaling::IceServer;
use std::time::{Duration, SystemTime};
use tokio::time::sleep;
use tokio_util::task::AbortOnDropHandle;

/// Shortest time between two requests: a clock that is wrong makes every credential look as if it had ended.
const SHORTEST: Duration = Duration::from_secs(60);

/// Asks the server for new ICE servers when half of the time is over for which the credentials hold, so that peers who come
/// late and restarts of ICE find valid ones. Ends when dropped.
#[derive(Debug)]
pub struct IceRenewal {
    _task: AbortOnDropHandle<()>,
}

impl IceRenewal {
    /// Begins with what the server gave at the join.
    pub fn start(socket: Socket, servers: Vec<IceServer>) -> Self {
        let ask = async move || match socket.ask_ice().await {
            Ok(servers) => Some(servers),
            Err(error) => {
                tracing::debug!(%error, "no new TURN credentials");
                None
            }
        };
        Self { _task: AbortOnDropHandle::new(tokio::spawn(run(servers, ask, SystemTime::now))) }
    }
}

/// Renews `servers` by `ask` until there is none whose credential ends.
async fn run(mut servers: Vec<IceServer>, ask: impl AsyncFn() -> Option<Vec<IceServer>>, now: impl Fn() -> SystemTime) {
    while let Some(end) = servers.iter().filter_map(IceServer::credential_end).min() {
        let left = end.duration_since(now()).unwrap_or_default();
        sleep((left / 2).max(SHORTEST)).await;
        if let Some(new) = ask().await {
            servers = new;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;
    use std::time::UNIX_EPOCH;
    use tokio::time::{Instant, timeout};

    fn server(username: Option<String>) -> IceServer {
        IceServer { urls: vec!["turn:turn.example".to_owned()], username, credential: Some("x".to_owned()) }
    }

    #[tokio::test(start_paused = true)]
    async fn credentials_are_renewed_at_half_of_their_time_and_asked_for_again_after_a_failure() {
        let start = Instant::now();
        let now = || UNIX_EPOCH + Duration::from_secs(1_000_000) + start.elapsed();
        let until = |end: Duration| {
            let seconds = (now() + end).duration_since(UNIX_EPOCH).unwrap().as_secs();
            vec![server(Some(format!("{seconds}:ann")))]
        };
        let hours = |hours: u64| Duration::from_secs(3600 * hours);
        let asked = RefCell::new(Vec::new());
        let ask = async || {
            asked.borrow_mut().push(start.elapsed());
            (asked.borrow().len() != 2).then(|| until(hours(4)))
        };
        timeout(hours(6), run(until(hours(4)), ask, now)).await.unwrap_err();
        // The second attempt fails: the third comes at half of what is left then.
        assert_eq!(*asked.borrow(), [hours(2), hours(4), hours(5)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_is_wrong_makes_no_storm_and_lasting_credentials_are_not_renewed() {
        let count = RefCell::new(0);
        let ask = async || {
            *count.borrow_mut() += 1;
            None
        };
        let far = || UNIX_EPOCH + Duration::from_secs(1 << 40);
        timeout(Duration::from_secs(3601), run(vec![server(Some("5:ann".into()))], &ask, far)).await.unwrap_err();
        assert_eq!(*count.borrow(), 60);
        for lasting in [None, Some("ann".to_owned()), Some("-7:ann".to_owned()), Some(format!("{}:ann", u64::MAX))] {
            run(vec![server(lasting)], &ask, far).await;
        }
        assert_eq!(*count.borrow(), 60);
    }
}
