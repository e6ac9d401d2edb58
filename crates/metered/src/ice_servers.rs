//! Which ICE servers of a token are used: `metadata.iceServers` of `welcome`.

use crate::limits;
use confab_wire::signaling::IceServer;
use serde_json::{Map, Value};

/// Schemes of ICE servers, in any case.
const SCHEMES: [&str; 4] = ["stun:", "stuns:", "turn:", "turns:"];

/// The ICE servers in the metadata of a `welcome`. `None`: there are none, or one entry is bad, which voids the whole list.
/// Keys that an ICE server does not have are left out.
pub(crate) fn admit(metadata: &Map<String, Value>) -> Option<Vec<IceServer>> {
    let entries = metadata.get("iceServers")?.as_array()?;
    let servers: Option<Vec<IceServer>> =
        if entries.len() > limits::ICE_SERVERS { None } else { entries.iter().map(server).collect() };
    if servers.is_none() {
        tracing::warn!("the ICE servers of a token are not used: one of them is no ICE server");
    }
    servers
}

fn server(entry: &Value) -> Option<IceServer> {
    let urls = match entry.get("urls")? {
        Value::String(one) => vec![one.as_str()],
        Value::Array(many) if !many.is_empty() => many.iter().map(Value::as_str).collect::<Option<_>>()?,
        _ => return None,
    };
    if !urls.iter().all(|url| is_url(url)) {
        return None;
    }
    let username = text(entry, "username")?;
    let credential = text(entry, "credential")?;
    Some(IceServer { urls: urls.into_iter().map(str::to_owned).collect(), username, credential })
}

fn is_url(url: &str) -> bool {
    let has = |scheme: &&str| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme));
    url.len() <= limits::ICE_URL_BYTES && SCHEMES.iter().any(has)
}

/// `None`: it is no text, or too long. `Some(None)`: it is not there.
fn text(entry: &Value, key: &str) -> Option<Option<String>> {
    match entry.get(key) {
        None => Some(None),
        Some(Value::String(text)) if text.len() <= limits::ICE_CREDENTIAL_BYTES => Some(Some(text.clone())),
        Some(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(servers: Value) -> Option<Vec<IceServer>> {
        admit(json!({ "iceServers": servers }).as_object().expect("an object"))
    }

    #[test]
    fn good_servers_are_taken_without_other_keys() {
        let servers = of(json!([
            { "urls": "STUN:192.0.2.1", "credentialType": "password" },
            { "urls": ["turn:192.0.2.1", "turns:192.0.2.1"], "username": "u", "credential": "c" }
        ]));
        let servers = servers.expect("both are good");
        assert_eq!(
            (servers[0].urls.as_slice(), servers[0].username.is_none()),
            (["STUN:192.0.2.1".to_owned()].as_slice(), true)
        );
        assert_eq!((servers[1].urls.len(), servers[1].credential.as_deref()), (2, Some("c")));
        assert_eq!(of(json!([])), Some(vec![]));
    }

    #[test]
    fn one_bad_entry_voids_the_list() {
        let good = json!({ "urls": "stun:192.0.2.1" });
        let long = |count: usize| "x".repeat(count);
        for bad in [
            json!({ "urls": "http://192.0.2.1" }),
            json!({ "urls": [] }),
            json!({ "urls": ["stun:192.0.2.1", 3] }),
            json!({}),
            json!(null),
            json!({ "urls": format!("stun:{}", long(508)) }),
            json!({ "urls": "turn:192.0.2.1", "username": long(1025), "credential": "c" }),
            json!({ "urls": "turn:192.0.2.1", "username": "u", "credential": 3 }),
        ] {
            assert_eq!(of(json!([good.clone(), bad.clone()])), None, "{bad}");
        }
        assert_eq!(of(json!(vec![good.clone(); 17])), None);
        assert_eq!(of(json!(vec![good; 16])).map(|servers| servers.len()), Some(16));
        assert_eq!(of(json!("stun:192.0.2.1")), None);
        assert_eq!(admit(&Map::new()), None);
    }
}
