//! URLs as the `url` crate reads them, for the prelude's `URL`.

use serde_json::json;
use url::{Position, Url, quirks};

/// The parts of a URL as JSON, or nothing if it is none.
pub fn parse(text: String, base: Option<String>) -> Option<String> {
    let base = base.map(|base| Url::parse(&base)).transpose().ok()?;
    let url = Url::options().base_url(base.as_ref()).parse(&text).ok()?;
    Some(parts(&url))
}

/// The URL with a part replaced as the setter of that name does it; a value that is not possible
/// changes nothing, except `href`, which is nothing then.
pub fn set_part(href: String, part: String, value: String) -> Option<String> {
    let mut url = Url::parse(&href).ok()?;
    let _ = match part.as_str() {
        "href" => return parse(value, None),
        "protocol" => quirks::set_protocol(&mut url, &value),
        "username" => quirks::set_username(&mut url, &value),
        "password" => quirks::set_password(&mut url, &value),
        "host" => quirks::set_host(&mut url, &value),
        "hostname" => quirks::set_hostname(&mut url, &value),
        "port" => quirks::set_port(&mut url, &value),
        "pathname" => {
            quirks::set_pathname(&mut url, &value);
            Ok(())
        }
        "search" => {
            quirks::set_search(&mut url, &value);
            Ok(())
        }
        "hash" => {
            quirks::set_hash(&mut url, &value);
            Ok(())
        }
        _ => return None,
    };
    Some(parts(&url))
}

fn parts(url: &Url) -> String {
    json!({
        "href": url.as_str(),
        "protocol": quirks::protocol(url),
        "username": url.username(),
        "password": url.password().unwrap_or_default(),
        "host": &url[Position::BeforeHost..Position::AfterPort],
        "hostname": url.host_str().unwrap_or_default(),
        "port": quirks::port(url),
        "pathname": url.path(),
        "search": quirks::search(url),
        "hash": quirks::hash(url),
        "origin": url.origin().ascii_serialization(),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: Option<String>) -> serde_json::Value {
        serde_json::from_str(&json.unwrap()).unwrap()
    }

    #[test]
    fn a_url_is_taken_apart() {
        let url = read(parse("../b?x=1#y".into(), Some("https://u:p@EXAMPLE.com:8443/a/".into())));
        assert_eq!(
            url,
            json!({
                "href": "https://u:p@example.com:8443/b?x=1#y", "protocol": "https:",
                "username": "u", "password": "p", "host": "example.com:8443",
                "hostname": "example.com", "port": "8443", "pathname": "/b", "search": "?x=1",
                "hash": "#y", "origin": "https://example.com:8443",
            })
        );
        assert_eq!(parse("/b".into(), None), None);
        assert_eq!(parse("b".into(), Some("nothing".into())), None);
    }

    #[test]
    fn a_part_is_replaced_or_left() {
        let set = |part: &str, value: &str| {
            let url = set_part("https://a.example/x".into(), part.into(), value.into());
            url.map(|url| read(Some(url))["href"].as_str().unwrap().to_owned())
        };
        assert_eq!(set("search", "a=b c").unwrap(), "https://a.example/x?a=b%20c");
        assert_eq!(set("host", "b.example:81").unwrap(), "https://b.example:81/x");
        assert_eq!(set("port", "x").unwrap(), "https://a.example/x");
        assert_eq!(set("href", "x"), None);
        assert_eq!(set("colour", "x"), None);
    }
}
