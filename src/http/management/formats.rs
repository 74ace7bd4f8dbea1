//! What strings must look like, under the names that validation messages give them.

use super::schema::Shape;
use crate::domain::{address::AddressRange, redirect_uri};

/// Names that are shown on pages.
pub const NO_ANGLE_BRACKETS: Shape =
    Shape::Pattern("^[^<>]+$", |s| !s.is_empty() && !s.contains(['<', '>']));
/// Names of organizations, which may stand in a URL in place of the id.
pub const ORGANIZATION_NAME: Shape = Shape::Pattern("^[a-z0-9][a-z0-9_-]*$", |s| {
    s.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && s.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"_-".contains(&b))
});
/// Names of connections.
pub const CONNECTION_NAME: Shape =
    Shape::Pattern("^[a-zA-Z0-9](-[a-zA-Z0-9]|[a-zA-Z0-9])*$", |s| {
        let ends_well = |end: Option<char>| end.is_some_and(|c| c.is_ascii_alphanumeric());
        s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && ends_well(s.chars().next())
            && ends_well(s.chars().next_back())
            && !s.contains("--")
    });
/// Ids that the caller chooses.
pub const NO_WHITE_SPACE: Shape =
    Shape::Pattern("^\\S*$", |s| !s.contains(|c: char| c.is_whitespace() || c.is_control()));
/// Phone numbers (E.164).
pub const PHONE_NUMBER: Shape = Shape::Pattern("^\\+[0-9]{1,15}$", |s| {
    s.strip_prefix('+')
        .is_some_and(|d| (1..=15).contains(&d.len()) && d.bytes().all(|b| b.is_ascii_digit()))
});
/// A scope that can be asked for (RFC 6749 §3.3 separates them with spaces).
pub const SCOPE: Shape = Shape::Pattern("^\\S+$", |s| {
    !s.is_empty() && !s.contains(|c: char| c.is_whitespace() || c.is_control())
});
/// An e-mail address.
pub const EMAIL: Shape = Shape::Format("email", is_email);
/// An absolute URI, or nothing.
pub const ABSOLUTE_URI_OR_EMPTY: Shape =
    Shape::Format("absolute-uri-or-empty", |s| s.is_empty() || is_absolute_uri(s));
/// An absolute https URI, or nothing.
pub const ABSOLUTE_HTTPS_URI_OR_EMPTY: Shape = Shape::Format("absolute-https-uri-or-empty", |s| {
    s.is_empty() || (s.starts_with("https://") && is_absolute_uri(s))
});
/// An e-mail address, or nothing.
pub const EMAIL_OR_EMPTY: Shape = Shape::Format("email-or-empty", |s| s.is_empty() || is_email(s));
/// A country (ISO 3166-1 alpha-2).
pub const COUNTRY_CODE: Shape =
    Shape::Pattern("^[A-Z]{2}$", |s| s.len() == 2 && s.bytes().all(|b| b.is_ascii_uppercase()));
/// An address, or a range of addresses in CIDR notation (RFC 4632, RFC 4291 §2.3).
pub const ADDRESS_RANGE: Shape = Shape::Format("ipv4", is_address_range);
/// An address that a browser can be sent to.
pub const WEB_ADDRESS: Shape = Shape::Format("url", |s| {
    is_absolute_uri(s) && url::Url::parse(s).is_ok_and(|u| matches!(u.scheme(), "https" | "http"))
});
/// The id of a connection.
pub const CONNECTION_ID: Shape = Shape::Pattern("^con_[A-Za-z0-9]{16}$", |s| {
    s.strip_prefix("con_")
        .is_some_and(|id| id.len() == 16 && id.bytes().all(|b| b.is_ascii_alphanumeric()))
});
/// An absolute https URI.
pub const STRICT_HTTPS_URI: Shape =
    Shape::Format("strict-https-uri-or-null", |s| s.starts_with("https://") && is_absolute_uri(s));
/// The name of a rule.
pub const RULE_NAME: Shape = Shape::Pattern("^[a-zA-Z0-9]([ \\-a-zA-Z0-9]*[a-zA-Z0-9])?$", |s| {
    let ends = |c: char| c.is_ascii_alphanumeric();
    s.starts_with(ends) && s.ends_with(ends) && s.chars().all(|c| ends(c) || " -".contains(c))
});
/// The name of a value that rules are configured with.
pub const RULES_CONFIG_KEY: Shape = Shape::Pattern("^[A-Za-z0-9_\\-@*+:]*$", |s| {
    s.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-@*+:".contains(&b))
});
/// A color as style sheets write it.
pub const HTML_COLOR: Shape = Shape::Format("html-color", |s| {
    s.strip_prefix('#').is_some_and(|digits| {
        matches!(digits.len(), 3 | 6) && digits.bytes().all(|b| b.is_ascii_hexdigit())
    })
});
/// An absolute URI.
pub const STRICT_URI: Shape = Shape::Format("strict-uri", is_absolute_uri);

fn is_address_range(text: &str) -> bool {
    text.parse::<AddressRange>().is_ok()
}

/// Whether `text` looks like an address that mail could be sent to.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let plain = |s: &str| !s.contains(|c: char| c.is_whitespace() || c.is_control());
    (1..=64).contains(&local.len())
        && (1..=255).contains(&domain.len())
        && !local.contains('@')
        && !local.contains(['<', '>', '"', ',', ';'])
        && plain(local)
        && domain.split('.').all(|label| {
            !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

/// Whether `text` is an absolute URI without script. A fragment and any query are fine: no response
/// of ours is ever appended to it.
pub fn is_absolute_uri(text: &str) -> bool {
    let plain = |c: char| !c.is_control() && !c.is_whitespace() && c != '\\';
    let base = text.split(['?', '#']).next().unwrap_or("");
    text.chars().all(plain) && redirect_uri::registrable(base).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_look_like_addresses() {
        for good in ["a@b.example", "a.b+c@b.example", "a@localhost", "ü@b.example"] {
            assert!(is_email(good), "{good}");
        }
        for bad in ["", "a", "@b", "a@", "a@b@c", "a b@c", "a@b..c", "a@b c", "<a>@b.c", "a@.b"] {
            assert!(!is_email(bad), "{bad}");
        }
    }

    #[test]
    fn absolute_uris_run_no_script() {
        for good in ["https://a.example/#/out?error=x", "com.example:/x?state=1", "http://l:1"] {
            assert!(is_absolute_uri(good), "{good}");
        }
        for bad in ["", "/x", "javascript:alert(1)", "https://a@b", "https://a/\\x", "a b:c"] {
            assert!(!is_absolute_uri(bad), "{bad}");
        }
    }
}
