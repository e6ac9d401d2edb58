//! Finds a room link in what people paste: mail and chat put brackets, quotes, punctuation and sentences around a link, wrap it
//! in links of their own, escape it, and lose its scheme.

use super::error::LinkError;
use super::link::{APP_SCHEME, RoomLink};
use super::path::ENDS_SENTENCE;
use super::server::{ServerAddressError, prefers_https};
use crate::limits;
use crate::text::is_invisible;
use percent_encoding::percent_decode_str;
use std::str::FromStr;
use url::{Url, form_urlencoded};

/// What stands around a link and never in it, beside white space.
const AROUND: &str = "<>\"`´(){}|“”„‟«»‹›‘’‚‛「」『』《》〈〉【】（）｛｝＜＞＂＇。、，；！？：…";
/// Finds the link in a text as people paste it, with what stands around it.
impl FromStr for RoomLink {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        if text.len() > limits::LINK_BYTES {
            return Err(LinkError::TooLong);
        }
        find(text)
    }
}

/// The first room link in a text.
fn find(text: &str) -> Result<RoomLink, LinkError> {
    let text: String = text.chars().filter(|c| c.is_whitespace() || !is_invisible(*c)).collect();
    // As in JSON.
    let text = text.replace("\\/", "/");
    let found = in_text(&text);
    if found != Err(LinkError::Missing) {
        return found;
    }
    // A link may be escaped as a whole, as in the address of another page.
    match percent_decode_str(&text).decode_utf8() {
        Ok(decoded) if decoded != text => in_text(&decoded),
        _ => found,
    }
}

/// The first link, or else what is wrong with the first that is none.
fn in_text(text: &str) -> Result<RoomLink, LinkError> {
    let mut wrong = LinkError::Missing;
    for word in words(text) {
        match in_word(word) {
            Ok(link) => return Ok(link),
            Err(error) if wrong == LinkError::Missing => wrong = error,
            Err(_) => {}
        }
    }
    Err(wrong)
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| c.is_whitespace() || AROUND.contains(c)).filter(|word| !word.is_empty())
}

/// The link in a word of the text.
fn in_word(word: &str) -> Result<RoomLink, LinkError> {
    let mut wrong = LinkError::Missing;
    for (at, kind) in schemes(word) {
        let (before, link) = word.split_at(at);
        let link = without_emphasis(before, link);
        let found = match kind {
            Kind::App => of_app(link),
            Kind::Web => of_web(link),
        };
        match found {
            Ok(link) => return Ok(link),
            Err(error) if wrong == LinkError::Missing => wrong = error,
            Err(_) => {}
        }
    }
    if wrong == LinkError::Missing { without_scheme(word) } else { Err(wrong) }
}

#[derive(Clone, Copy)]
enum Kind {
    /// `http:` and `https:`.
    Web,
    /// Of the app.
    App,
}

/// Where a scheme of ours begins in a word.
fn schemes(word: &str) -> impl Iterator<Item = (usize, Kind)> + '_ {
    word.char_indices().filter_map(|(at, _)| {
        let begins =
            |scheme: &str| word.get(at..at + scheme.len()).is_some_and(|text| text.eq_ignore_ascii_case(scheme));
        if begins("http:") || begins("https:") {
            Some((at, Kind::Web))
        } else if begins(APP_SCHEME) && word[at + APP_SCHEME.len()..].starts_with(':') {
            Some((at, Kind::App))
        } else {
            None
        }
    })
}

/// Takes away the emphasis of plain text: `_link_`, `~~link~~`.
fn without_emphasis<'a>(before: &str, link: &'a str) -> &'a str {
    let marks = before.chars().rev().take_while(|c| matches!(c, '_' | '~'));
    marks.fold(link, |link, mark| link.strip_suffix(mark).unwrap_or(link))
}

/// A web address, or one of a page that leads on to a room link: mail programs wrap links so.
fn of_web(text: &str) -> Result<RoomLink, LinkError> {
    let text = text.trim_end_matches(ENDS_SENTENCE);
    let url = Url::parse(text).map_err(ServerAddressError::from)?;
    let wrong = match RoomLink::of_url(&url) {
        Err(wrong @ (LinkError::Path | LinkError::Room)) => wrong,
        known => return known,
    };
    let wrapped = url.query_pairs().find_map(|(_, value)| {
        let web = ["http:", "https:"]
            .iter()
            .any(|scheme| value.get(..scheme.len()).is_some_and(|text| text.eq_ignore_ascii_case(scheme)));
        RoomLink::of_url(&Url::parse(&value).ok().filter(|_| web)?).ok()
    });
    wrapped.ok_or(wrong)
}

/// `confab://join?link=…` with or without slashes, or `confab://host/r/room`.
fn of_app(text: &str) -> Result<RoomLink, LinkError> {
    let rest = text[APP_SCHEME.len() + 1..].trim_start_matches('/');
    let Some((action, query)) = rest.split_once('?') else {
        return without_scheme(rest).map_err(|_| LinkError::AppLink);
    };
    if !action.trim_end_matches('/').eq_ignore_ascii_case("join") {
        return without_scheme(rest).map_err(|_| LinkError::AppLink);
    }
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let (_, link) = pairs.find(|(key, _)| key.eq_ignore_ascii_case("link")).ok_or(LinkError::AppLink)?;
    // What is within it is no text to look for a link in: a damaged one must not become another.
    let inside = link.trim_matches(|c: char| c.is_whitespace() || AROUND.contains(c));
    match schemes(inside).next() {
        Some((0, Kind::Web)) => of_web(inside),
        Some(_) => Err(LinkError::AppLink),
        None => without_scheme(inside).map_err(|_| LinkError::AppLink),
    }
}

/// `host[:port]/r/room`.
fn without_scheme(text: &str) -> Result<RoomLink, LinkError> {
    let text = text.trim_end_matches(ENDS_SENTENCE);
    let path = text.char_indices().map(|(at, _)| at).find(|at| {
        let marker = text.get(*at..at + 3);
        marker.is_some_and(|marker| marker.eq_ignore_ascii_case("/r/"))
    });
    let (before, path) = text.split_at(path.ok_or(LinkError::Missing)?);
    let in_host = |c: char| c.is_ascii_alphanumeric() || ".-:[]".contains(c);
    let begins = before.char_indices().rev().take_while(|(_, c)| in_host(*c)).last().map_or(before.len(), |(at, _)| at);
    let host = before[begins..].trim_start_matches(['.', '-', ':']);
    // Other characters before it are those of a longer path, of another scheme, of a user's name.
    let before = before[..begins].trim_start_matches('/');
    if host.is_empty() || before.ends_with(['@', '/', '%', '?', '=', '&', '#']) {
        return Err(LinkError::Missing);
    }
    let parse = |scheme: &str| Url::parse(&format!("{scheme}://{host}{path}"));
    let url = parse("https").map_err(ServerAddressError::from)?;
    if prefers_https(&url) {
        return RoomLink::of_url(&url);
    }
    RoomLink::of_url(&parse("http").map_err(ServerAddressError::from)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> String {
        text.parse::<RoomLink>().map_or_else(|error| format!("{error:?}"), |link| link.to_string())
    }

    #[test]
    fn a_link_is_found_in_what_stands_around_it() {
        for text in [
            "http://h:7420/r/abc",
            "http://h:7420/r/abc.",
            "http://h:7420/r/abc...",
            "http://h:7420/r/abc…",
            "http://h:7420/r/abc,",
            "http://h:7420/r/abc)",
            "http://h:7420/r/abc).",
            "http://h:7420/r/abc>",
            "http://h:7420/r/abc!",
            "http://h:7420/r/abc?",
            "http://h:7420/r/abc;",
            "http://h:7420/r/abc:",
            "http://h:7420/r/abc]",
            "http://h:7420/r/abc'",
            "<http://h:7420/r/abc>",
            "\"http://h:7420/r/abc\"",
            "'http://h:7420/r/abc'",
            "(http://h:7420/r/abc)",
            "[http://h:7420/r/abc]",
            "{http://h:7420/r/abc}",
            "`http://h:7420/r/abc`",
            "*http://h:7420/r/abc*",
            "**http://h:7420/r/abc**.",
            "_http://h:7420/r/abc_",
            "~~http://h:7420/r/abc~~",
            "„http://h:7420/r/abc“",
            "“http://h:7420/r/abc”",
            "‚http://h:7420/r/abc‘",
            "«http://h:7420/r/abc»",
            "« http://h:7420/r/abc »",
            "‹http://h:7420/r/abc›",
            "「http://h:7420/r/abc」",
            "《http://h:7420/r/abc》",
            "（http://h:7420/r/abc）",
            "http://h:7420/r/abc。",
            "请点击http://h:7420/r/abc加入",
            "http://h:7420/r/abc로 오세요",
            "http://h:7420/r/abc—now",
            "http://h:7420/r/abc•",
            "[the call](http://h:7420/r/abc)",
            "Join my call: http://h:7420/r/abc",
            "Join my call:http://h:7420/r/abc",
            "You are invited to the call abc. Open http://h:7420/r/abc in Confab, or paste the link there.",
            "first line\r\nhttp://h:7420/r/abc\r\n-- \r\nAnn",
            "http://h:7420/r/abc\n\nhttps://example.org/other",
            "See https://example.org/ and then http://h:7420/r/abc",
            "&lt;http://h:7420/r/abc&gt;",
            "<a href=\"http://h:7420/r/abc\">",
            "http:\\/\\/h:7420\\/r\\/abc",
            "http:\\\\h:7420\\r\\abc",
        ] {
            assert_eq!(found(text), "http://h:7420/r/abc", "{text}");
        }
    }

    #[test]
    fn a_link_is_known_however_it_is_written() {
        for text in [
            "http://h:7420/r/abc/",
            "http://h:7420/r/abc//",
            "http://h:7420//r/abc",
            "http://h:7420/r//abc",
            "HTTP://H:7420/r/abc",
            "Http://h:7420/R/abc",
            "http://h:7420/r/a%62c",
            "http://h:7420/r/%61%62%63",
            "http://h:7420/%72/abc",
            "http://h:7420/r%2Fabc",
            "http://h:7420/r/a%2562c",
            "http://h:7420/r/abc%2E",
            "http://h:7420/r/abc%20",
            "http%3A%2F%2Fh%3A7420%2Fr%2Fabc",
            "http://h:7420/r/abc?utm_source=mail&utm_medium=x#top",
            "http://h:7420/r/abc?see=http://other/r/x",
            "http://h:7420/r/a\u{200b}bc",
            "\u{feff}http://h:7420/r/abc\u{200b}",
            "ht\u{ad}tp://h:7420/r/abc\u{2060}",
            "\u{202a}http://h:7420/r/abc\u{202c}",
            "http:/h:7420/r/abc",
            "http:h:7420/r/abc",
            "h:7420/r/abc",
            "H:7420/r/abc.",
            "(h:7420/r/abc)",
            "//h:7420/r/abc",
            "Join h:7420/r/abc today",
            "confab://join?link=http%3A%2F%2Fh%3A7420%2Fr%2Fabc",
            "confab:join?link=http://h:7420/r/abc",
            "confab:///join?link=http://h:7420/r/abc",
            "confab://join/?link=http://h:7420/r/abc.",
            "CONFAB://JOIN?LINK=HTTP://H:7420/r/abc",
            "confab://join?x=1&link=h:7420/r/abc&y=2",
            "<confab://join?link=http%3A%2F%2Fh%3A7420%2Fr%2Fabc>",
            "confab://h:7420/r/abc",
            "confab:h:7420/r/abc",
            "https://safelinks.example/?url=http%3A%2F%2Fh%3A7420%2Fr%2Fabc&data=05%7C02",
            "https://www.example.com/url?q=http://h:7420/r/abc&sa=D",
        ] {
            assert_eq!(found(text), "http://h:7420/r/abc", "{text}");
        }
        let long = format!("http://h:7420/r/abc?x={}", "y".repeat(4_000));
        assert_eq!(found(&long), "http://h:7420/r/abc");
        assert_eq!(found("HTTP://H/r/HOTUK-MUJIV"), "http://h/r/hotuk-mujiv");
        assert_eq!(found("meet.example/r/abc"), "https://meet.example/r/abc");
        assert_eq!(found("meet.example:7420/r/abc"), "http://meet.example:7420/r/abc");
        assert_eq!(found("127.0.0.1:7420/r/abc"), "http://127.0.0.1:7420/r/abc");
        assert_eq!(found("[::1]:7420/r/abc"), "http://[::1]:7420/r/abc");
        assert_eq!(found("https://bücher.example/r/abc"), "https://xn--bcher-kva.example/r/abc");
        assert_eq!(found("http://h/r/a_b_"), "http://h/r/a_b_");
    }

    #[test]
    fn what_is_no_link_is_refused_by_what_is_wrong() {
        let wrong = |text: &str| text.parse::<RoomLink>().map(|link| link.to_string()).unwrap_err();
        for text in ["", " ", "hello", "/r/abc", "javascript:alert(1)", "mailto:ann@example.org", "ann@host/r/abc", "."]
        {
            assert_eq!(wrong(text), LinkError::Missing, "{text}");
        }
        for text in ["http://", "https://", "http://exa mple", "http://h:99999/r/a"] {
            assert!(matches!(wrong(text), LinkError::Server(ServerAddressError::Url(_)) | LinkError::Path), "{text}");
        }
        // An empty host is skipped (WHATWG URL section 4.4): the last one is "r".
        for text in
            ["http://host", "http://host/", "http://host/r/a/b", "http://host/x/a", "http://host/x/r/a", "http:///r/"]
        {
            assert_eq!(wrong(text), LinkError::Path, "{text}");
        }
        for text in [
            "http://host/r/",
            "http://host/r/a%20b",
            "http://host/r/+",
            "http://host/r/a+b",
            "http://host/r/abс",
            "http://host/r/%ff",
            "http://host/r/...",
            "http://host/r/a%2500b",
        ] {
            assert_eq!(wrong(text), LinkError::Room, "{text}");
        }
        assert_eq!(wrong(&format!("http://host/r/{}", "a".repeat(65))), LinkError::Room);
        assert_eq!(wrong("confab://join?link=http://host/r/a%20b"), LinkError::Room);
        assert_eq!(wrong("http://host/r/.."), LinkError::Room);
        assert_eq!(wrong("http://user:pw@host/r/a"), LinkError::Server(ServerAddressError::UserName));
        for text in
            ["confab://join", "confab://join?link=confab://join", "confab://join?link=file:///etc/passwd", "confab:"]
        {
            assert_eq!(wrong(text), LinkError::AppLink, "{text}");
        }
        assert_eq!(wrong(&"x".repeat(limits::LINK_BYTES + 1)), LinkError::TooLong);
    }
}
