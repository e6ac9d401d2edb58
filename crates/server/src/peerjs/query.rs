//! What a client says in the address of its WebSocket.

use super::message::Refusal;
use confab_wire::limits;

/// Longest token. Clients choose some twenty characters, unless an application gives one.
const TOKEN_BYTES: usize = 512;

/// Who wants to connect.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Identity {
    pub(super) id: String,
    /// What proves that the id is still this client's.
    pub(super) token: String,
}

impl Identity {
    /// Reads `key`, `id` and `token` of a query; of several the first counts.
    pub(super) fn parse(query: &str, expected_key: &str) -> Result<Self, Refusal> {
        let (mut key, mut id, mut token) = (None, None, None);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            let known = match &*name {
                "key" => &mut key,
                "id" => &mut id,
                "token" => &mut token,
                _ => continue,
            };
            known.get_or_insert(value);
        }
        let (Some(key), Some(id), Some(token)) = (key, id, token) else { return Err(Refusal::Incomplete) };
        if key.is_empty() || id.is_empty() || token.is_empty() {
            return Err(Refusal::Incomplete);
        }
        if key != expected_key {
            return Err(Refusal::Key);
        }
        if !is_id(&id) || token.len() > TOKEN_BYTES {
            return Err(Refusal::Unfit);
        }
        Ok(Self { id: id.into_owned(), token: token.into_owned() })
    }
}

/// True if somebody may be connected under this id.
pub(super) fn is_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= limits::ID_BYTES && !id.contains(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_a_key_an_id_and_a_token() {
        let parse = |query: &str| Identity::parse(query, "peerjs").map(|who| (who.id, who.token));
        let good = parse("key=peerjs&id=a%20b-%C3%A9&token=t&version=1.5.5");
        assert_eq!(good, Ok(("a b-é".to_owned(), "t".to_owned())));
        for query in ["", "key=peerjs&id=a", "key=peerjs&id=&token=t", "id=a&token=t", "key=&id=a&token=t"] {
            assert_eq!(parse(query), Err(Refusal::Incomplete), "{query}");
        }
        assert_eq!(parse("key=other&id=a&token=t"), Err(Refusal::Key));
        for id in ["x".repeat(limits::ID_BYTES + 1), "a%0Ab".to_owned()] {
            assert_eq!(parse(&format!("key=peerjs&id={id}&token=t")), Err(Refusal::Unfit), "{id}");
        }
        let long = "t".repeat(TOKEN_BYTES + 1);
        assert_eq!(parse(&format!("key=peerjs&id=a&token={long}")), Err(Refusal::Unfit));
    }
}
