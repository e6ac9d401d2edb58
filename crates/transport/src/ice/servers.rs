//! ICE servers as they come from outside, and what of them is used.

use super::url::{IceServerError, IceUrl, Service, Transport};
use confab_wire::{limits, signaling::IceServer};

/// Keeps what can be used and warns about the rest, with the reason and never with a credential. A server with one bad
/// URL keeps its good ones.
pub(crate) fn admit(servers: Vec<IceServer>) -> Vec<IceServer> {
    let mut admitted = Vec::new();
    for (index, server) in servers.into_iter().enumerate() {
        if admitted.len() >= limits::ICE_SERVERS {
            warn("", &IceServerError::TooMany("ICE servers"));
            break;
        }
        match admit_one(server, warn) {
            Ok(Some(server)) => admitted.push(server),
            Ok(None) => {}
            Err(error) => tracing::warn!(index, %error, "an ICE server is not used"),
        }
    }
    admitted
}

fn warn(url: &str, error: &IceServerError) {
    // What follows an @ is no part of these URLs, but people write credentials before it.
    let url = if url.contains('@') { "(with a user name in it)" } else { url };
    tracing::warn!(url = %url.chars().take(80).collect::<String>(), %error, "a URL of an ICE server is not used");
}

fn admit_one(
    server: IceServer,
    mut refused: impl FnMut(&str, &IceServerError),
) -> Result<Option<IceServer>, IceServerError> {
    let long = |field: &Option<String>| field.as_ref().is_some_and(|field| field.len() > limits::ICE_FIELD_BYTES);
    if long(&server.username) {
        return Err(IceServerError::TooLong("user name"));
    }
    if long(&server.credential) {
        return Err(IceServerError::TooLong("credential"));
    }
    let has_credential = server.username.is_some() && server.credential.is_some();
    let mut urls = Vec::new();
    for url in server.urls {
        let result = if url.len() > limits::ICE_FIELD_BYTES {
            Err(IceServerError::TooLong("URL"))
        } else if urls.len() >= limits::ICE_URLS {
            Err(IceServerError::TooMany("URLs"))
        } else {
            match IceUrl::parse(&url) {
                Ok(parsed) if matches!(parsed.service, Service::Turn(_)) && !has_credential => {
                    Err(IceServerError::NoCredential)
                }
                parsed => parsed,
            }
        };
        match result {
            Ok(_) => urls.push(url),
            Err(error) => refused(&url, &error),
        }
    }
    Ok((!urls.is_empty()).then_some(IceServer { urls, ..server }))
}

/// A relay to allocate.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct TurnServer {
    pub(crate) url: IceUrl,
    pub(crate) transport: Transport,
    /// User name.
    pub(crate) username: String,
    /// Credential.
    pub(crate) credential: String,
}

/// What servers that were admitted stand for: URLs of STUN servers, and TURN servers one by one.
pub(crate) fn sort(servers: &[IceServer]) -> (Vec<IceUrl>, Vec<TurnServer>) {
    let (mut stun, mut turn) = (Vec::new(), Vec::new());
    for server in servers {
        for url in server.urls.iter().filter_map(|url| IceUrl::parse(url).ok()) {
            match url.service {
                Service::Stun => stun.push(url),
                Service::Turn(transport) => turn.push(TurnServer {
                    url,
                    transport,
                    username: server.username.clone().unwrap_or_default(),
                    credential: server.credential.clone().unwrap_or_default(),
                }),
            }
        }
    }
    (stun, turn)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(urls: &[&str], credential: Option<&str>) -> IceServer {
        IceServer {
            urls: urls.iter().map(|url| (*url).to_owned()).collect(),
            username: credential.map(|_| "u".to_owned()),
            credential: credential.map(str::to_owned),
        }
    }

    fn refusals(server: IceServer) -> (Option<Vec<String>>, Vec<IceServerError>) {
        let mut errors = Vec::new();
        let kept = admit_one(server, |_, error| errors.push(error.clone())).unwrap();
        (kept.map(|server| server.urls), errors)
    }

    #[test]
    fn a_bad_url_does_not_take_the_good_ones_along() {
        let (kept, errors) = refusals(server(&["turn:a", "http:b", "turns:c:x", "turns:d"], Some("p")));
        assert_eq!(kept.unwrap(), ["turn:a", "turns:d"]);
        assert_eq!(errors, [IceServerError::Scheme, IceServerError::Port]);
        assert_eq!(refusals(server(&["http:b"], None)).0, None);
    }

    #[test]
    fn a_relay_needs_a_credential_and_stun_does_not() {
        let (kept, errors) = refusals(server(&["stun:a", "turn:a"], None));
        assert_eq!(kept.unwrap(), ["stun:a"]);
        assert_eq!(errors, [IceServerError::NoCredential]);
    }

    #[test]
    fn sizes_and_numbers_are_bounded() {
        let long = "x".repeat(limits::ICE_FIELD_BYTES + 1);
        assert_eq!(admit_one(server(&["turn:a"], Some(&long)), |_, _| {}), Err(IceServerError::TooLong("credential")));
        let urls = vec!["stun:a"; limits::ICE_URLS + 1];
        let (kept, errors) = refusals(server(&urls, None));
        assert_eq!(kept.unwrap().len(), limits::ICE_URLS);
        assert_eq!(errors, [IceServerError::TooMany("URLs")]);
        assert_eq!(admit(vec![server(&["stun:a"], None); 99]).len(), limits::ICE_SERVERS);
        assert_eq!(refusals(server(&[&format!("stun:{long}")], None)).1, [IceServerError::TooLong("URL")]);
    }

    #[test]
    fn credentials_are_not_written_for_people() {
        let text = format!("{:?}", server(&["turn:a"], Some("hunter2")));
        assert!(text.contains("turn:a") && !text.contains("hunter2"), "{text}");
    }
}
