//! A call over each kind of network. Long: only in `make test-all`.

use crate::network::{Outcome, a_call, call_network};
use confab_testkit::network::profile::{CLEAN, HOTEL, JUMBLED, LOSSY, SATELLITE, WIFI};

macro_rules! calls {
    ($($name:ident: $profile:expr),*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() -> Outcome {
            match call_network(concat!("matrix::", stringify!($name))).await? {
                Some(mut network) => a_call(&mut network, $profile).await,
                None => Ok(()),
            }
        }
    )*};
}

calls! {
    a_call_over_a_wire: CLEAN,
    a_call_over_wifi: WIFI,
    a_call_from_a_hotel: HOTEL,
    a_call_over_a_satellite: SATELLITE,
    a_call_that_loses_packets: LOSSY,
    a_call_whose_packets_overtake_each_other: JUMBLED
}
