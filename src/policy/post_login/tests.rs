use super::*;
use serde_json::json;

fn api() -> ResourceServer {
    serde_json::from_value(json!({ "scopes": [{ "value": "read:a" }, { "value": "write:a" }] }))
        .unwrap()
}

fn ground(protocol: Protocol) -> Ground<'static> {
    Ground {
        protocol,
        can_redirect: protocol.has_browser(),
        continues: false,
        api: None,
        session_metadata: None,
        refresh_token_metadata: None,
    }
}

fn command(call: &str, args: Value) -> Command {
    serde_json::from_value(json!({ "call": call, "args": args })).unwrap()
}

/// What calls amount to in a browser login for an API with scopes `read:a` and `write:a`.
fn decided(scope: &str, calls: &[(&str, Value)]) -> Decision {
    let api = api();
    let ground = Ground { api: Some(&api), ..ground(Protocol::AuthorizationCode) };
    decided_on(&ground, scope, calls)
}

fn decided_on(ground: &Ground<'_>, scope: &str, calls: &[(&str, Value)]) -> Decision {
    let mut decision = Decision::new(ScopeSet::parse(scope));
    let calls = calls.iter().map(|(call, args)| command(call, args.clone())).collect();
    decision.fold(ground, calls);
    decision
}

fn denial(decision: &Decision) -> Option<(&'static str, &str)> {
    match &decision.end {
        Some(End::Denied(denial)) => Some((denial.error, &denial.description)),
        _ => None,
    }
}

#[test]
#[rustfmt::skip]
fn scopes_are_added_only_if_somebody_defines_them() {
    let add = |scope: &str| ("accessToken.addScope", json!({ "scope": scope }));
    let remove = |scope: &str| ("accessToken.removeScope", json!({ "scope": scope }));
    let set = |scopes: &[&str]| ("accessToken.setScope", json!({ "scope": scopes }));
    // Granted, calls, then granted, notes.
    let cases = [
        ("openid", vec![add("read:a")], "openid read:a", 0),
        ("openid", vec![add("read:a"), add("read:a")], "openid read:a", 0),
        ("openid", vec![add("nonsense")], "openid", 1),
        ("openid", vec![add("email")], "openid email", 0),
        ("openid", vec![add("read:a email")], "openid", 1),
        ("openid", vec![add("offline_access")], "openid", 1),
        ("openid offline_access", vec![remove("offline_access"), add("offline_access")], "openid", 1),
        ("openid read:a", vec![remove("read:a")], "openid", 0),
        ("openid read:a", vec![remove("openid")], "read:a", 0),
        ("openid", vec![remove("nonsense")], "openid", 0),
        ("openid read:a", vec![set(&["write:a", "x"])], "write:a", 1),
        ("openid offline_access", vec![set(&["offline_access"])], "offline_access", 0),
        ("openid", vec![set(&["offline_access"])], "", 1),
        ("openid", vec![set(&[])], "", 0),
    ];
    for (before, calls, after, notes) in cases {
        let decision = decided(before, &calls);
        assert_eq!(decision.scope.to_string(), after, "{calls:?}");
        assert_eq!(decision.notes.len(), notes, "{calls:?}");
        assert!(decision.goes_on());
    }
    // A token that only `/userinfo` takes has no scopes of an API.
    let alone = decided_on(&ground(Protocol::AuthorizationCode), "openid", &[add("read:a")]);
    assert_eq!(alone.scope.to_string(), "openid");
}

#[test]
fn reserved_claims_are_dropped_and_noted_and_others_are_kept() {
    let set = |token: &str, name: &str| {
        let call =
            if token == "id" { "idToken.setCustomClaim" } else { "accessToken.setCustomClaim" };
        (call, json!({ "name": name, "value": name }))
    };
    let calls = ["sub", "scope", "https://auth0.com/x", "https://example.com/x", "color"]
        .map(|name| [set("id", name), set("access", name)])
        .concat();
    let decision = decided("openid", &calls);
    let kept = json!({ "https://example.com/x": "https://example.com/x", "color": "color" });
    assert_eq!(Value::Object(decision.customised.access_token.clone()), kept);
    assert_eq!(Value::Object(decision.customised.id_token.clone()), kept);
    assert_eq!(decision.notes.len(), 6);
    assert_eq!(decision.notes[0], "claim sub was not added to the ID token: the name is reserved");
    assert!(decision.goes_on());
    let system = ResourceServer { is_system: true, ..api() };
    let ground = Ground { api: Some(&system), ..ground(Protocol::AuthorizationCode) };
    let decision = decided_on(&ground, "openid", &calls);
    assert!(!decision.customised.access_token.contains_key("color"));
    assert!(decision.customised.id_token.contains_key("color"), "an ID token is for no API");
}

#[test]
fn claims_that_are_too_heavy_refuse_the_login() {
    let value = "x".repeat(60 * 1024);
    let claim = |name: &str| ("idToken.setCustomClaim", json!({ "name": name, "value": value }));
    assert!(decided("", &[claim("a")]).goes_on());
    assert!(decided("", &[claim("a"), claim("a")]).goes_on(), "the last value of a claim counts");
    let text = "The custom claims of the ID token exceed 100 KB";
    assert_eq!(denial(&decided("", &[claim("a"), claim("b")])), Some(("access_denied", text)));
}

#[test]
#[rustfmt::skip]
fn the_first_refusal_ends_the_login_and_counts_more_than_a_redirect() {
    let deny = |reason: &str| ("access.deny", json!({ "reason": reason }));
    let send = |url: &str| ("redirect.sendUserTo", json!({ "url": url }));
    let away = "https://example.com/consent?x=1";
    let cases = [
        (vec![deny("no")], Some(("access_denied", "no"))),
        (vec![deny("no"), deny("never")], Some(("access_denied", "no"))),
        (vec![send(away), deny("no")], Some(("access_denied", "no"))),
        (vec![deny("no"), send(away)], Some(("access_denied", "no"))),
        (vec![("access.unauthorized", json!({ "reason": "no" }))], Some(("unauthorized", "no"))),
        (vec![("validation.error", json!({ "code": "c", "message": "no" }))], Some(("access_denied", "no"))),
        (vec![("refreshToken.revoke", json!({ "reason": "no" }))], Some(("access_denied", "no"))),
        (vec![("session.revoke", json!({ "reason": "no" }))], Some(("access_denied", "no"))),
        (vec![send(away)], None),
    ];
    for (calls, expected) in cases {
        let decision = decided("", &calls);
        assert_eq!(denial(&decision), expected, "{calls:?}");
        assert!(!decision.goes_on());
    }
    let redirect = decided("", &[send(away), send("https://other.example/")]);
    assert_eq!(redirect.end, Some(End::Redirect(away.to_owned())));
    assert_eq!(redirect.notes.len(), 1);
}

#[test]
fn what_was_asked_for_beside_a_refusal_is_kept() {
    let decision = decided(
        "",
        &[
            ("access.deny", json!({ "reason": "no" })),
            ("user.setAppMetadata", json!({ "key": "seen", "value": 1 })),
            ("user.setUserMetadata", json!({ "key": "old", "value": null })),
        ],
    );
    assert_eq!(Value::Object(decision.app_metadata), json!({ "seen": 1 }));
    assert_eq!(Value::Object(decision.user_metadata), json!({ "old": null }));
}

#[test]
fn revoking_names_what_ends() {
    let revokes =
        |protocol, call: &str, args| match decided_on(&ground(protocol), "", &[(call, args)]).end {
            Some(End::Denied(denial)) => denial.revokes,
            other => panic!("{other:?}"),
        };
    let reason = || json!({ "reason": "stolen" });
    let token = "refreshToken.revoke";
    assert_eq!(revokes(Protocol::RefreshToken, token, reason()), Revokes::RefreshToken);
    assert_eq!(revokes(Protocol::Password, token, reason()), Revokes::Nothing);
    let session = |preserve| {
        let args = json!({ "reason": "stolen", "preserve_refresh_tokens": preserve });
        revokes(Protocol::AuthorizationCode, "session.revoke", args)
    };
    assert_eq!(session(false), Revokes::Session { preserve_refresh_tokens: false });
    assert_eq!(session(true), Revokes::Session { preserve_refresh_tokens: true });
}

#[test]
fn redirects_need_a_browser_and_a_web_page() {
    let send = |ground: &Ground<'_>, url: &str| {
        decided_on(ground, "", &[("redirect.sendUserTo", json!({ "url": url }))])
    };
    let browser = ground(Protocol::AuthorizationCode);
    let silent = Ground { can_redirect: false, ..browser };
    for ground in [silent, ground(Protocol::RefreshToken), ground(Protocol::DeviceCode)] {
        let decision = send(&ground, "https://example.com/");
        assert_eq!(denial(&decision).map(|(error, _)| error), Some("interaction_required"));
    }
    for bad in [
        "javascript:alert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "app://x",
        "/relative",
        "https://",
        "",
    ] {
        assert_eq!(
            denial(&send(&browser, bad)).map(|(error, _)| error),
            Some("access_denied"),
            "{bad}"
        );
    }
    let long = format!("https://example.com/{}", "x".repeat(9000));
    assert!(denial(&send(&browser, &long)).is_some());
    let written = send(&browser, "HTTP://localhost:3000/a b?c=\u{e4}\r\nSet-Cookie: x").end;
    let expected = "http://localhost:3000/a%20b?c=%C3%A4Set-Cookie:%20x";
    assert_eq!(written, Some(End::Redirect(expected.to_owned())));
}

#[test]
fn metadata_of_sessions_and_refresh_tokens_has_limits() {
    let before = Map::from_iter((0..24).map(|n| (n.to_string(), "x".into())));
    let with = Ground {
        session_metadata: Some(&before),
        refresh_token_metadata: Some(&before),
        ..ground(Protocol::RefreshToken)
    };
    for (object, what) in [("refreshToken", "refresh token"), ("session", "session")] {
        let set = |key: &str, value: &str| {
            (format!("{object}.setMetadata"), json!({ "key": key, "value": value }))
        };
        let run = |calls: Vec<(String, Value)>| {
            let calls: Vec<_> = calls.iter().map(|(c, a)| (c.as_str(), a.clone())).collect();
            let decision = decided_on(&with, "", &calls);
            let denied = denial(&decision).map(|(error, text)| (error, text.to_owned()));
            let changes = match object {
                "session" => decision.session,
                _ => decision.customised.refresh_token,
            };
            (denied, changes.metadata.map(|metadata| metadata.len()))
        };
        let bad = |why: &str| {
            Some((
                "access_denied",
                format!("Failed to set {what} metadata: Invalid metadata: {why}"),
            ))
        };
        let long = "x".repeat(256);
        assert_eq!(run(vec![]), (None, None));
        assert_eq!(run(vec![set("a", "1")]), (None, Some(25)));
        assert_eq!(run(vec![set("0", "1")]), (None, Some(24)));
        assert_eq!(run(vec![set("a", &"\u{e4}".repeat(255))]), (None, Some(25)));
        assert_eq!(run(vec![set("a", "1"), set("b", "1")]).0, bad("it exceeds 25 entries"));
        assert_eq!(run(vec![set(&long, "1")]).0, bad("a key exceeds 255 characters"));
        assert_eq!(run(vec![set("a", &long)]).0, bad("a value exceeds 255 characters"));
        assert_eq!(run(vec![set("", "1")]).0, bad("a key is empty"));
        let delete = |key: &str| (format!("{object}.deleteMetadata"), json!({ "key": key }));
        let evict = || (format!("{object}.evictMetadata"), json!({}));
        assert_eq!(run(vec![delete("0"), delete("unknown")]), (None, Some(23)));
        assert_eq!(run(vec![evict(), set("a", "1")]), (None, Some(1)));
        let unset = (format!("{object}.setMetadata"), json!({ "key": "0", "value": null }));
        assert_eq!(run(vec![unset]), (None, Some(23)));
    }
}

#[test]
fn metadata_of_users_and_transactions_has_limits() {
    let user = |object: &str, kilobytes: usize| {
        let value = "x".repeat(kilobytes * 1024);
        decided("", &[(&format!("user.set{object}"), json!({ "key": "k", "value": value }))])
    };
    assert!(user("AppMetadata", 31).goes_on());
    let text = "Failed to set app_metadata: the changes exceed 32 kB";
    assert_eq!(denial(&user("AppMetadata", 32)), Some(("access_denied", text)));
    assert!(denial(&user("UserMetadata", 32)).is_some());

    let keep = |entries: &[(&str, Value)]| {
        let calls: Vec<_> = entries
            .iter()
            .map(|(k, v)| ("transaction.setMetadata", json!({ "key": k, "value": v })))
            .collect();
        decided("", &calls)
    };
    let kept = keep(&[("a", json!("x")), ("b", json!(1)), ("c", json!(true)), ("a", json!(null))]);
    assert_eq!(Value::Object(kept.transaction_metadata), json!({ "b": 1, "c": true }));
    let text = |kilobytes: usize| json!("x".repeat(kilobytes * 1024 - 100));
    assert!(keep(&[("a", text(8)), ("b", text(8))]).goes_on());
    for bad in [
        vec![("a", text(9))],
        vec![("a", text(8)), ("b", text(8)), ("c", text(1))],
        vec![("a", json!({}))],
        vec![("a", json!([1]))],
        vec![("", json!(1))],
    ] {
        assert!(denial(&keep(&bad)).is_some());
    }
    assert!(denial(&keep(&[(&"k".repeat(65), json!(1))])).is_some());
    assert!(keep(&[(&"k".repeat(64), json!(1))]).goes_on());
}

#[test]
fn the_earliest_end_counts_and_none_is_moved_later() {
    let decision = decided(
        "",
        &[
            ("session.setExpiresAt", json!({ "at": 2_000 })),
            ("session.setExpiresAt", json!({ "at": 1_000 })),
            ("session.setIdleExpiresAt", json!({ "at": 700 })),
            ("session.setIdleExpiresAt", json!({ "at": 900 })),
            ("refreshToken.setExpiresAt", json!({ "at": 5_000 })),
            ("refreshToken.setIdleExpiresAt", json!({ "at": 4_000 })),
        ],
    );
    use crate::domain::time::Timestamp;
    let at = Timestamp::from_millis;
    let (session, token) = (&decision.session, &decision.customised.refresh_token);
    assert_eq!((session.expires_at, session.idle_expires_at), (Some(1_000), Some(700)));
    assert_eq!((token.expires_at, token.idle_expires_at), (Some(5_000), Some(4_000)));
    assert_eq!(session.earlier_end(at(3_000)), at(1_000));
    assert_eq!(session.earlier_end(at(500)), at(500));
    assert_eq!(token.earlier_end_if_any(None), Some(at(5_000)));
    assert_eq!(token.earlier_end_if_any(Some(at(10))), Some(at(10)));
    assert_eq!(Changes::default().earlier_end_if_any(None), None);
}

#[test]
fn methods_are_recorded_after_a_redirect_and_named_by_urls() {
    let record = |continues, name: &str| {
        let ground = Ground { continues, ..ground(Protocol::AuthorizationCode) };
        let args = json!({ "name": name });
        decided_on(&ground, "", &[("authentication.recordMethod", args)])
    };
    assert_eq!(record(true, "https://id.example/kyc").methods, ["https://id.example/kyc"]);
    for (continues, name) in
        [(false, "https://id.example/kyc"), (true, "mfa"), (true, "https://a b/"), (true, "")]
    {
        let decision = record(continues, name);
        assert_eq!((decision.methods.len(), decision.notes.len()), (0, 1), "{name}");
    }
}

#[test]
fn a_script_that_fails_refuses_the_login_with_its_message() {
    let mut decision = Decision::new(ScopeSet::default());
    decision.script_failed(&"boom".repeat(1000));
    let (error, text) = denial(&decision).unwrap();
    assert_eq!((error, text.len()), ("access_denied", 1024));
}

#[test]
fn the_cookie_of_the_session_is_changed() {
    let mode = |mode: &str| ("session.setCookieMode", json!({ "mode": mode }));
    let decision = decided("", &[mode("non-persistent"), mode("eternal")]);
    assert_eq!(decision.cookie_mode, Some(CookieMode::NonPersistent));
    assert_eq!(decision.notes.len(), 1);
}
