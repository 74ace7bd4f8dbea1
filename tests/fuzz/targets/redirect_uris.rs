//! Redirect URIs, their patterns, and origins.
//!
//! - Of what may be registered, only the URI itself is accepted, with two exceptions: any port on a
//!   loopback IP literal (RFC 8252 §7.3), and one label for a placeholder.
//! - Whatever is accepted, a browser goes where the registered URI leads: the same scheme, host,
//!   port and path, by the URL parser of browsers and not by ours.
//! - A response goes there too, with each of its parameters once and as it was given.
//! - An origin that a browser sends is taken only when the registered URL has that origin.

use doorward::domain::{client::Client, redirect_uri, url_pattern};
use doorward::policy::authorize::{Parameters, RedirectProblem, destination};
use serde_json::json;
use url::{Host, Url};

/// The first line is registered, the second is sent, the third is the `state`.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (registered, rest) = super::edit::first_line(text);
    let (sent, state) = super::edit::first_line(rest);
    if redirect_uri::registrable(registered).is_err() {
        return;
    }
    assert!(!registered.contains(['\\', '#', '\n', '\t', ' ']), "{registered}");
    let is_pattern = url_pattern::has_placeholder(registered);
    if is_pattern {
        assert!(!redirect_uri::matches(registered, registered), "a pattern is nowhere to go");
    } else {
        assert!(redirect_uri::matches(registered, registered), "itself");
    }
    if redirect_uri::matches(registered, sent) {
        leads_to_the_same_place(registered, sent, is_pattern);
        the_response_arrives(registered, sent, state);
    } else {
        assert!(location(registered, sent, state).is_none(), "only what matches is answered");
    }
    origins_are_those_of_browsers(registered, sent, is_pattern);
}

fn leads_to_the_same_place(registered: &str, sent: &str, is_pattern: bool) {
    if is_pattern {
        let (before, after) = registered.split_once('*').expect("a placeholder");
        let label = sent.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
        let label = label.expect("what is fixed is there");
        assert!(label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{sent}");
        let Ok(there) = Url::parse(sent) else { return };
        // With a label of letters in place of the star the registered one can be parsed.
        let here = Url::parse(&format!("{before}a{after}")).expect("a pattern is a URL");
        let beyond =
            |url: &Url| url.domain().and_then(|d| d.split_once('.')).map(|d| d.1.to_owned());
        assert!(beyond(&there).is_some(), "a name, not an address: {sent}");
        assert_eq!(beyond(&there), beyond(&here), "{sent}");
        same_but_for_the_host(&here, &there);
        return;
    }
    if registered != sent {
        let loopback = ["http://127.0.0.1/", "http://[::1]/"];
        assert!(loopback.iter().any(|l| registered.starts_with(l)), "{registered} {sent}");
        let mut there = Url::parse(sent).expect("a loopback address");
        assert!(
            matches!(there.host(), Some(Host::Ipv4(a)) if a.is_loopback())
                || matches!(there.host(), Some(Host::Ipv6(a)) if a.is_loopback())
        );
        there.set_port(None).expect("it has a host");
        assert_eq!(there, Url::parse(registered).expect("a loopback address"));
        return;
    }
    if let Ok(there) = Url::parse(sent) {
        assert!(there.username().is_empty() || !there.has_authority(), "{sent}");
        assert_eq!(there.password(), None, "{sent}");
        assert!(!["javascript", "data", "file", "vbscript"].contains(&there.scheme()), "{sent}");
    }
}

fn same_but_for_the_host(here: &Url, there: &Url) {
    let rest = |url: &Url| {
        let port = url.port_or_known_default();
        (url.scheme().to_owned(), port, url.path().to_owned(), url.query().map(str::to_owned))
    };
    assert_eq!(rest(here), rest(there));
    assert!(there.username().is_empty() && there.password().is_none());
}

fn client(registered: &str) -> Client {
    let document = json!({ "callbacks": [registered], "web_origins": [] });
    serde_json::from_value(document).expect("a client")
}

fn location(registered: &str, sent: &str, state: &str) -> Option<String> {
    let parameters = Parameters {
        client_id: Some("client".to_owned()),
        redirect_uri: Some(sent.to_owned()),
        response_type: Some("code".to_owned()),
        state: Some(state.to_owned()),
        ..Parameters::default()
    };
    let proven = destination(&parameters, Some(&client(registered))).ok()?;
    let problem = RedirectProblem::new("access_denied", "No & no = ?");
    Some(proven.error("https://id.example/", &problem).location())
}

fn the_response_arrives(registered: &str, sent: &str, state: &str) {
    let location = location(registered, sent, state).expect("what matches is answered");
    assert!(location.bytes().all(|b| b > 0x20 && b != 0x7f), "no header is split: {location}");
    let (Ok(asked), Ok(there)) = (Url::parse(sent), Url::parse(&location)) else { return };
    let place =
        |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port());
    assert_eq!(place(&asked), place(&there), "{location}");
    assert_eq!(asked.path(), there.path(), "{location}");
    for (name, value) in [
        ("error", "access_denied"),
        ("error_description", "No & no = ?"),
        ("state", state),
        ("iss", "https://id.example/"),
    ] {
        let found: Vec<_> = there.query_pairs().filter(|(n, _)| n == name).collect();
        assert_eq!(found.len(), 1, "{name} in {location}");
        assert_eq!(found[0].1, value, "{name} in {location}");
    }
}

fn origins_are_those_of_browsers(registered: &str, sent: &str, is_pattern: bool) {
    let Ok(page) = Url::parse(sent) else { return };
    let origin = page.origin().ascii_serialization();
    if !url_pattern::matches_origin(registered, &origin) {
        return;
    }
    let mut origins = url_pattern::Origins::default();
    origins.add(registered);
    assert!(origins.contains(&origin), "both ways to ask agree: {registered} {origin}");
    let here = registered.replacen('*', "a", usize::from(is_pattern));
    let here = Url::parse(&here).expect("a registered URL with an origin").origin();
    if !is_pattern {
        assert_eq!(here.ascii_serialization(), origin, "{registered}");
        return;
    }
    let parent = |origin: &str| origin.split_once('.').map(|(_, parent)| parent.to_owned());
    assert_eq!(parent(&here.ascii_serialization()), parent(&origin), "{registered} {origin}");
}
