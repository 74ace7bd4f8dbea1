//! Subdomain placeholders in registered URLs: `https://*.example.com/path` stands for every host
//! that has one label in place of the `*`. No regular expressions, no suffix comparison: what is
//! before and what is after the `*` must be there byte by byte, and what is between them must be
//! the letters, digits and hyphens of one label, so it can hold no dot, port, path or user name.

use std::collections::HashSet;

use crate::domain::redirect_uri;

/// Second-level names under which a country's registry sells domains, as in `co.uk`.
const REGISTRY_LABELS: &[&str] =
    &["ac", "co", "com", "edu", "go", "gob", "gov", "ltd", "ne", "net", "nom", "or", "org", "plc"];

/// Hosts that give a subdomain to anybody: a bare `*` below them would let strangers in.
const SHARED_HOSTS: &[&str] = &[
    "appspot.com",
    "azurestaticapps.net",
    "azurewebsites.net",
    "cloudfront.net",
    "firebaseapp.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "herokuapp.com",
    "netlify.app",
    "ngrok-free.app",
    "ngrok.app",
    "ngrok.io",
    "onrender.com",
    "pages.dev",
    "surge.sh",
    "vercel.app",
    "web.app",
    "workers.dev",
];

/// The longest label of a host name (RFC 1035 §2.3.4).
const LONGEST_LABEL: usize = 63;

/// Whether the host of `url` has a placeholder, well placed or not.
pub fn has_placeholder(url: &str) -> bool {
    parts(url).is_some_and(|(_, authority, _)| authority.contains('*'))
}

/// Whether `url` may be registered as far as its placeholder goes: it has none in its host, or
/// exactly one, in the leftmost label of an http(s) host that belongs to one owner.
pub fn is_acceptable(url: &str) -> bool {
    !has_placeholder(url) || split(url).is_some()
}

/// Whether `requested` is a URL that the registered pattern stands for. Never true for a registered
/// URL without a placeholder, or with a bad one.
pub fn matches(registered: &str, requested: &str) -> bool {
    let Some((before, after)) = split(registered) else { return false };
    let label = requested.strip_prefix(before).and_then(|rest| rest.strip_suffix(after));
    let Some(label) = label else { return false };
    // The whole label, with what the pattern fixes of it.
    let fixed = before.rsplit('/').next().map_or(0, str::len)
        + after.find(['.', ':', '/', '?', '#']).unwrap_or(after.len());
    !label.is_empty() && label.len() + fixed <= LONGEST_LABEL && label.bytes().all(is_of_a_label)
}

/// Whether `origin`, as a browser sends it, is the origin of the registered URL or one that its
/// pattern stands for.
pub fn matches_origin(registered: &str, origin: &str) -> bool {
    redirect_uri::origin(registered).is_some_and(|registered| {
        if has_placeholder(&registered) {
            matches(&registered, origin)
        } else {
            registered == origin
        }
    })
}

/// Origins that may do something.
#[derive(Debug, Clone, Default)]
pub struct Origins {
    exact: HashSet<String>,
    patterns: Vec<String>,
}

impl Origins {
    /// Adds the origin of a registered URL; one that has none, such as `com.example:/x`, adds
    /// nothing.
    pub fn add(&mut self, registered: &str) {
        let Some(origin) = redirect_uri::origin(registered) else { return };
        if !has_placeholder(&origin) {
            self.exact.insert(origin);
        } else if !self.patterns.contains(&origin) {
            self.patterns.push(origin);
        }
    }

    /// Whether `origin`, as a browser sends it, is one of them.
    pub fn contains(&self, origin: &str) -> bool {
        self.exact.contains(origin) || self.patterns.iter().any(|p| matches(p, origin))
    }
}

/// What is before and after the placeholder of a good pattern.
fn split(url: &str) -> Option<(&str, &str)> {
    let (scheme, authority, _) = parts(url)?;
    let (before, after) = url.split_once('*')?;
    let (prefix, rest) = authority.split_once('*')?;
    let (suffix, parent) = rest.split_once('.')?;
    let host = parent.split(':').next().unwrap_or("");
    let is_web = scheme == "http" || scheme == "https";
    let is_good = is_web
        && !after.contains('*')
        && prefix.bytes().chain(suffix.bytes()).all(is_of_a_label)
        && has_one_owner(host, prefix.is_empty() && suffix.is_empty());
    is_good.then_some((before, after))
}

/// Whether the subdomains of `host` belong to one owner, as far as can be told without the list of
/// public suffixes. `all`: the pattern stands for every one of them.
fn has_one_owner(host: &str, all: bool) -> bool {
    if host == "localhost" {
        return true;
    }
    let labels: Vec<_> = host.split('.').collect();
    let is_label = |label: &&str| !label.is_empty() && label.bytes().all(is_of_a_label);
    let [.., second, top] = labels.as_slice() else { return false };
    // A numeric last label would make the browser read an IP address.
    let is_name = labels.iter().all(is_label) && top.bytes().any(|b| b.is_ascii_alphabetic());
    let is_registry = labels.len() == 2 && top.len() == 2 && REGISTRY_LABELS.contains(second);
    is_name && !is_registry && !(all && SHARED_HOSTS.contains(&host))
}

/// Scheme, authority and the rest.
fn parts(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let end = rest.find(['/', '?', '#', '\\']).unwrap_or(rest.len());
    Some((scheme, &rest[..end], &rest[end..]))
}

fn is_of_a_label(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_stands_for_one_label() {
        for (registered, requested) in [
            ("https://*.example.com", "https://a.example.com"),
            ("https://*.example.com/cb?x=1", "https://a-1.example.com/cb?x=1"),
            ("https://pr-*-web.example.com/", "https://pr-17-web.example.com/"),
            ("https://web-*.vercel.app", "https://web-17.vercel.app"),
            ("http://*.localhost:3000/cb", "http://acme.localhost:3000/cb"),
            ("https://*.shop.example.co.uk", "https://a.shop.example.co.uk"),
        ] {
            assert!(is_acceptable(registered), "{registered}");
            assert!(matches(registered, requested), "{registered} {requested}");
        }
        let long = format!("https://{}.example.com", "a".repeat(64));
        for (registered, requested) in [
            ("https://*.example.com", "https://.example.com"),
            ("https://*.example.com", "https://example.com"),
            ("https://*.example.com", "https://a.b.example.com"),
            ("https://*.example.com", "https://evilexample.com"),
            ("https://*.example.com", "https://fooXexample.com"),
            ("https://*.example.com", "https://a.example.com.evil.example"),
            ("https://*.example.com", "https://evil.example/.example.com"),
            ("https://*.example.com", "https://evil.example?.example.com"),
            ("https://*.example.com", "https://evil.example#.example.com"),
            ("https://*.example.com", "https://evil.example\\.example.com"),
            ("https://*.example.com", "https://a@b.example.com"),
            ("https://*.example.com", "https://evil:443.example.com"),
            ("https://*.example.com", "https://*.example.com"),
            ("https://*.example.com", "https://a%2e.example.com"),
            ("https://*.example.com", "https://a\u{3002}b.example.com"),
            ("https://*.example.com", "http://a.example.com"),
            ("https://*.example.com", "https://a.example.com:8443"),
            ("https://*.example.com", "https://a.example.com/"),
            ("https://*.example.com", &long),
            ("https://*.example.com/cb", "https://a.example.com/cb/.."),
            ("http://*.localhost", "http://localhost.evil.example"),
            ("https://pr-*.example.com", "https://pr-.example.com"),
            ("https://a.example.com", "https://a.example.com"),
        ] {
            assert!(!matches(registered, requested), "{registered} {requested}");
        }
    }

    #[test]
    fn a_placeholder_anywhere_else_is_refused_and_matches_nothing() {
        for (bad, example) in [
            ("https://*.com", "https://evil.com"),
            ("https://*", "https://evil"),
            ("https://*.co.uk", "https://evil.co.uk"),
            ("https://*.github.io", "https://evil.github.io"),
            ("https://*.*.example.com", "https://a.b.example.com"),
            ("https://a.*.example.com", "https://a.b.example.com"),
            ("https://**.example.com", "https://ab.example.com"),
            ("https://example.*", "https://example.evil"),
            ("https://*example.com", "https://evilexample.com"),
            ("https://*.example.com/*", "https://a.example.com/b"),
            ("https://*.1.2.3", "https://0.1.2.3"),
            ("https://u@*.example.com", "https://u@a.example.com"),
            ("https://*.exa_mple.com", "https://a.exa_mple.com"),
            ("https://*.example..com", "https://a.example..com"),
            ("https://*.example.com.", "https://a.example.com."),
            ("com.example.app://*.example.com", "com.example.app://a.example.com"),
            ("HTTPS://*.example.com", "HTTPS://a.example.com"),
        ] {
            assert!(!is_acceptable(bad), "{bad}");
            assert!(!matches(bad, example), "{bad}");
        }
        for without in ["https://a.example/*", "com.example:/cb", "https://a.example", ""] {
            assert!(is_acceptable(without), "{without}");
            assert!(!matches(without, without), "{without}");
        }
    }

    #[test]
    fn origins_are_found_whole_or_by_pattern() {
        let mut origins = Origins::default();
        let registered = [
            "https://A.example/cb",
            "https://*.example.com:443/cb",
            "com.example:/",
            "https://*.com",
        ];
        for url in registered {
            origins.add(url);
        }
        for good in ["https://a.example", "https://x.example.com"] {
            assert!(origins.contains(good), "{good}");
            assert!(registered.iter().any(|url| matches_origin(url, good)), "{good}");
        }
        for bad in ["null", "", "https://*.example.com", "https://a.b.example.com", "https://x.com"]
        {
            assert!(!origins.contains(bad), "{bad}");
            assert!(!registered.iter().any(|url| matches_origin(url, bad)), "{bad}");
        }
    }
}
