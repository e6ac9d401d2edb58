//! What the system says of its addresses is heard at once: in a network namespace of the test's own.

use confab_testkit::network::inside::inside;
use confab_transport::addresses;
use nix::sched::{CloneFlags, unshare};
use std::net::IpAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::timeout;

/// Less than the time after which the list is read without a message.
const AT_ONCE: Duration = Duration::from_secs(3);

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split_whitespace()).status().unwrap();
    assert!(status.success(), "ip {arguments}");
}

/// Waits until `reaches` says so of the addresses; fails if no message of the system brought it.
async fn noticed(
    addresses: &mut watch::Receiver<addresses::Addresses>,
    reaches: impl Fn(&addresses::Addresses) -> bool,
) {
    timeout(AT_ONCE, addresses.wait_for(|now| reaches(now))).await.expect("a message of the system").unwrap();
}

#[test]
fn an_address_that_comes_and_one_that_goes_are_noticed_without_polling() {
    if !inside("addresses::an_address_that_comes_and_one_that_goes_are_noticed_without_polling").unwrap() {
        return;
    }
    // The namespace belongs to the thread, and with it all that runs on it.
    let test = thread::spawn(|| {
        unshare(CloneFlags::CLONE_NEWNET).unwrap();
        ip("link set lo up");
        ip("link add here type veth peer name there");
        ip("link set there up");
        ip("link set here up");
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let home: IpAddr = "10.77.0.1".parse().unwrap();
            let mut now = addresses::watch();
            // A connection over that address is stranded as long as it is not there, and another one is.
            ip("address add 10.78.0.1/24 dev here");
            noticed(&mut now, |now| now.strand(home)).await;
            ip("address add 10.77.0.1/24 dev here");
            noticed(&mut now, |now| !now.strand(home)).await;
            ip("address del 10.77.0.1/24 dev here");
            noticed(&mut now, |now| now.strand(home)).await;
        });
    });
    test.join().unwrap();
}
