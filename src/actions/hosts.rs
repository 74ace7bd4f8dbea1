//! Which hosts a script may call.

/// Whether a text is a rule: `*`, a host, or `*.` and a host, each with a port if one is meant.
pub fn is_rule(rule: &str) -> bool {
    if rule == "*" {
        return true;
    }
    let host = rule.strip_prefix("*.").unwrap_or(rule);
    let Ok(url) = url::Url::parse(&format!("https://{host}/")) else { return false };
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    let lone = url.username().is_empty() && url.password().is_none();
    let wildcard = host.contains('*') || host.contains(char::is_whitespace);
    plain && lone && !wildcard && !host.contains('/') && rule.len() <= 262
}

/// Whether one of the rules allows a URL. A rule without a port means the one of the scheme.
pub fn allow(rules: &[String], url: &url::Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let port = url.port_or_known_default();
    rules.iter().any(|rule| {
        if rule == "*" {
            return true;
        }
        let (below, rule) = match rule.strip_prefix("*.") {
            Some(rule) => (true, rule),
            None => (false, rule.as_str()),
        };
        // Read as the URL was read: lower case, punycode, every spelling of an address.
        let Ok(rule) = url::Url::parse(&format!("{}://{rule}/", url.scheme())) else {
            return false;
        };
        let Some(allowed) = rule.host_str() else { return false };
        let same = if below {
            host.strip_suffix(allowed).is_some_and(|start| start.ends_with('.') && start.len() > 1)
        } else {
            host == allowed
        };
        same && port == rule.port_or_known_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_allowed_by_name_by_domain_or_at_all() {
        for (rule, url, allowed) in [
            ("*", "https://x.example/", true),
            ("api.example.com", "https://api.example.com/x?y", true),
            ("API.example.com", "https://api.example.com/", true),
            ("api.example.com", "https://api.example.com:443/", true),
            ("api.example.com", "https://api.example.com:8443/", false),
            ("api.example.com:8443", "https://api.example.com:8443/", true),
            ("api.example.com:8443", "https://api.example.com/", false),
            ("api.example.com", "https://x.api.example.com/", false),
            ("api.example.com", "https://api.example.com.evil.example/", false),
            ("*.example.com", "https://api.example.com/", true),
            ("*.example.com", "https://a.b.example.com/", true),
            ("*.example.com", "https://example.com/", false),
            ("*.example.com", "https://evilexample.com/", false),
            ("*.example.com", "https://example.com@evil.example/", false),
            ("bücher.example", "https://xn--bcher-kva.example/", true),
            ("127.0.0.1:8080", "http://127.0.0.1:8080/", true),
            ("127.0.0.1:8080", "http://0x7f000001:8080/", true),
        ] {
            let url = url::Url::parse(url).unwrap();
            assert_eq!(allow(&[rule.to_owned()], &url), allowed, "{rule} {url}");
        }
        assert!(!allow(&[], &url::Url::parse("https://x.example/").unwrap()));
    }

    #[test]
    fn a_rule_is_a_host() {
        for good in
            ["*", "example.com", "*.example.com", "example.com:8443", "[2606::1]", "1.1.1.1"]
        {
            assert!(is_rule(good), "{good}");
        }
        for bad in [
            "",
            "https://x.example",
            "x.example/",
            "x.example/y",
            "a b",
            "*x.example",
            "**",
            "*.",
            "x:y",
            "u@x",
            "x?y",
            "x#y",
        ] {
            assert!(!is_rule(bad), "{bad}");
        }
    }
}
