//! Logging out: where the browser may go then, and whether the user is asked first (OIDC
//! RP-Initiated Logout 1.0 §2, §3).

use crate::domain::{SessionId, UserId, redirect_uri, session::Session, url_pattern};

/// Where the browser wants to go is not allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotAllowed;

/// What a verified `id_token_hint` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Whose ID token it is.
    pub user_id: UserId,
    /// The session it came from, if it says.
    pub session_id: Option<SessionId>,
}

/// Where `/v2/logout` goes: `asked`, if it is allowed; without it the first URL of the list, none
/// when there is none.
///
/// As with Auth0, query and fragment of `asked` may be anything, unless the registered URL has some
/// itself: SDKs add to them. Scheme, host, port and path decide which application is reached.
///
/// # Errors
/// [`NotAllowed`].
pub fn return_to(allowed: &[String], asked: Option<&str>) -> Result<Option<String>, NotAllowed> {
    let Some(asked) = asked else {
        // A pattern is no address.
        let first = allowed.iter().find(|url| !url_pattern::has_placeholder(url));
        return Ok(first.cloned());
    };
    let bare = &asked[..asked.find(['?', '#']).unwrap_or(asked.len())];
    let fits = |url: &String| redirect_uri::matches(url, asked) || redirect_uri::matches(url, bare);
    if is_plain(asked) && allowed.iter().any(fits) {
        Ok(Some(asked.to_owned()))
    } else {
        Err(NotAllowed)
    }
}

/// Where `/oidc/logout` goes: `asked`, if it is registered exactly, with `state` added to its query
/// (§3). `None` when nothing was asked for.
///
/// # Errors
/// [`NotAllowed`].
pub fn post_logout_redirect(
    allowed: &[String],
    asked: Option<&str>,
    state: Option<&str>,
) -> Result<Option<String>, NotAllowed> {
    let Some(asked) = asked else { return Ok(None) };
    if !is_plain(asked) || !allowed.iter().any(|url| redirect_uri::matches(url, asked)) {
        return Err(NotAllowed);
    }
    let Some(state) = state else { return Ok(Some(asked.to_owned())) };
    let (base, fragment) = match asked.split_once('#') {
        Some((base, fragment)) => (base, format!("#{fragment}")),
        None => (asked, String::new()),
    };
    let separator = match base.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    let query =
        url::form_urlencoded::Serializer::new(String::new()).append_pair("state", state).finish();
    Ok(Some(format!("{base}{separator}{query}{fragment}")))
}

/// Whether the user must say that they want to log out. A link on any site leads here, so a session
/// ends without a question only for who knows it: by its ID token, or by its `sid` in
/// `logout_hint`. Without a session there is nothing to end.
pub fn must_ask(session: Option<&Session>, hint: Option<&Hint>, logout_hint: Option<&str>) -> bool {
    let Some(session) = session else { return false };
    if logout_hint.is_some_and(|sid| sid != session.id.as_str()) {
        return true;
    }
    match hint {
        None => logout_hint.is_none(),
        Some(hint) => {
            // An ID token from a refresh after the session's end has no `sid`, and so says nothing
            // of this session.
            let same_session = match &hint.session_id {
                Some(sid) => *sid == session.id,
                None => logout_hint.is_some(),
            };
            hint.user_id != session.user_id || !same_session
        }
    }
}

/// Whether a URL can stand in a `Location` header as it is.
fn is_plain(url: &str) -> bool {
    url.bytes().all(|b| b.is_ascii_graphic() && b != b'\\')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::time::Timestamp;

    fn list(urls: &[&str]) -> Vec<String> {
        urls.iter().map(|url| (*url).to_owned()).collect()
    }

    #[test]
    fn a_logout_returns_to_listed_urls_whatever_their_query() {
        let allowed = list(&[
            "https://*.example.com/bye",
            "https://app.example/",
            "https://q.example/?a=1",
            "com.example.app:/out",
        ]);
        for good in [
            "https://app.example/",
            "https://app.example/?x=1#y",
            "https://app.example/#//evil.example",
            "https://a.example.com/bye",
            "https://a.example.com/bye?x=1",
            "https://q.example/?a=1",
            "com.example.app:/out",
        ] {
            assert_eq!(return_to(&allowed, Some(good)), Ok(Some(good.to_owned())), "{good}");
        }
        for bad in [
            "https://app.example",
            "https://app.example//",
            "https://app.example/x",
            "https://app.example/ ",
            "https://app.example/?x\r\nset-cookie: a=b",
            "https://app.example/?\u{e9}",
            "https://app.example\\?/",
            "https://app.example@evil.example/",
            "https://evil.example/?https://app.example/",
            "https://evilexample.com/bye",
            "https://a.b.example.com/bye",
            "https://*.example.com/bye",
            "https://q.example/",
            "https://q.example/?a=2",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(return_to(&allowed, Some(bad)), Err(NotAllowed), "{bad}");
        }
        assert_eq!(return_to(&allowed, None), Ok(Some("https://app.example/".to_owned())));
        assert_eq!(return_to(&[], None), Ok(None));
        assert_eq!(return_to(&list(&["https://*.example.com"]), None), Ok(None));
    }

    #[test]
    fn after_an_oidc_logout_only_registered_urls_are_gone_to_and_state_comes_along() {
        let allowed = list(&["https://app.example/", "https://q.example/?a=1", "https://s/#/out"]);
        let go = |asked, state| post_logout_redirect(&allowed, asked, state);
        for (asked, state, there) in [
            ("https://app.example/", None, "https://app.example/"),
            ("https://app.example/", Some("a+b /c="), "https://app.example/?state=a%2Bb+%2Fc%3D"),
            ("https://q.example/?a=1", Some("s"), "https://q.example/?a=1&state=s"),
            ("https://s/#/out", Some("s"), "https://s/?state=s#/out"),
        ] {
            assert_eq!(go(Some(asked), state), Ok(Some(there.to_owned())));
        }
        assert_eq!(go(None, Some("s")), Ok(None));
        for bad in ["https://app.example/?x=1", "https://app.example", "https://q.example/", ""] {
            assert_eq!(go(Some(bad), None), Err(NotAllowed), "{bad}");
        }
    }

    #[test]
    fn only_who_knows_the_session_ends_it_without_a_question() {
        let (user, sid) = (UserId::new("auth0|1"), SessionId::new("s1"));
        let time = Timestamp::from_millis(0);
        let session = Session {
            id: sid.clone(),
            user_id: user.clone(),
            authenticated_at: time,
            amr: Vec::new(),
            created_at: time,
            expires_at: time,
            idle_expires_at: time,
        };
        let hint = |user: &str, sid: Option<&str>| Hint {
            user_id: UserId::new(user),
            session_id: sid.map(SessionId::new),
        };
        for (given, logout_hint, asks) in [
            (None, None, true),
            (None, Some("s1"), false),
            (None, Some("s2"), true),
            (Some(hint("auth0|1", Some("s1"))), None, false),
            (Some(hint("auth0|1", Some("s1"))), Some("s1"), false),
            (Some(hint("auth0|1", Some("s1"))), Some("s2"), true),
            (Some(hint("auth0|1", Some("s2"))), None, true),
            (Some(hint("auth0|2", Some("s1"))), None, true),
            (Some(hint("auth0|1", None)), None, true),
            (Some(hint("auth0|1", None)), Some("s1"), false),
            (Some(hint("auth0|2", None)), Some("s1"), true),
        ] {
            assert_eq!(must_ask(Some(&session), given.as_ref(), logout_hint), asks, "{given:?}");
            assert!(!must_ask(None, given.as_ref(), logout_hint));
        }
    }
}
