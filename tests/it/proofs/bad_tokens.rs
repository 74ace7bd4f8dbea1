//! Rubbish costs an error and nothing else.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use doorward::crypto::{master_key::MasterKey, refresh_token::RefreshTokenKey};
use serde_json::json;

use super::{Random, Witness, family, family_id, is_refused, log_in_as, password_client, seed};
use crate::support::{TestApp, each_backend, fixtures::*};

/// A good token with one bit of its bytes changed.
fn flipped(token: &str, bit: usize) -> String {
    let mut bytes = URL_SAFE_NO_PAD.decode(token.strip_prefix("v1.").unwrap()).unwrap();
    bytes[bit / 8] ^= 1 << (bit % 8);
    format!("v1.{}", URL_SAFE_NO_PAD.encode(bytes))
}

async fn world(app: &TestApp) -> (World, String) {
    let world = app.world_with(password_client(), json!({})).await;
    let first = log_in_as(app, &world, EMAIL).await;
    let token = app.refresh(&world, &first, &[]).await.text_of("refresh_token");
    (world, token)
}

#[tokio::test]
async fn a_token_that_is_not_quite_ours_is_refused_and_nothing_is_written() {
    for (backend, app) in each_backend().await {
        let (world, token) = world(&app).await;
        let id = family_id(&app, &token);
        let row = family(&app, &id).await;
        let other = RefreshTokenKey::new(&MasterKey::new([9; 32]));
        let other = other.derive(&id, &row.salt, row.generation).unwrap();
        let mine = &app.inner.tokens.refresh_tokens;
        let salted = mine.derive(&id, b"another salt....", row.generation).unwrap();
        let stranger = doorward::domain::FamilyId::new("ab".repeat(16));
        let stranger = mine.derive(&stranger, &row.salt, row.generation).unwrap();
        let body = token.strip_prefix("v1.").unwrap();

        let mut bad: Vec<String> = vec![
            other.expose().to_owned(),
            salted.expose().to_owned(),
            stranger.expose().to_owned(),
            body.to_owned(),
            format!("v2.{body}"),
            format!("V1.{body}"),
            format!("v1.v1.{body}"),
            format!("v1.{body}="),
            format!("v1.{body}A"),
            format!("{token} "),
            format!(" {token}"),
            format!("{token}\n"),
            format!("{token}.{token}"),
            token.to_uppercase(),
            "v1.".to_owned(),
            "\u{e9}".repeat(80),
            format!("v1.{}", "A".repeat(60 * 1024)),
            format!("{token}{}", "A".repeat(60 * 1024)),
        ];
        let mut random = Random(seed());
        let bits = body.len() * 6 / 8 * 8;
        bad.extend((0..60).map(|_| flipped(&token, random.below(bits))));
        // Of each field, and both ends.
        bad.extend([0, 31, 32, 159, 160, 191, 192, bits - 1].map(|bit| flipped(&token, bit)));
        bad.extend((1..token.len()).step_by(7).map(|length| token[..length].to_owned()));

        let mut witness = Witness::of(&app).await;
        let (mark, rows) = (witness.mark().await, witness.row_counts().await);
        for bad in &bad {
            let shown: String = bad.chars().take(100).collect();
            is_refused(&app.refresh(&world, bad, &[]).await, &format!("{backend} {shown:?}"));
        }
        let huge = format!("v1.{}", "A".repeat(70 * 1024));
        let answer = app.refresh(&world, &huge, &[]).await;
        assert_eq!(answer.error(), (413, "invalid_request".into()), "{backend}: > 64 KiB");
        assert_eq!(witness.mark().await, mark, "{backend}: something was written");
        assert_eq!(witness.row_counts().await, rows, "{backend}");
        app.refresh(&world, &token, &[]).await.ok();
    }
}

#[tokio::test]
async fn a_request_that_is_wrong_is_refused_and_nothing_is_written() {
    for (backend, app) in each_backend().await {
        let (world, token) = world(&app).await;
        let encode = |pairs: &[(&str, &str)]| {
            url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
        };
        let good = encode(&[
            ("grant_type", "refresh_token"),
            ("client_id", &world.client_id),
            ("refresh_token", &token),
        ]);
        let without = encode(&[("grant_type", "refresh_token"), ("client_id", &world.client_id)]);
        let with = |pairs: &[(&str, &str)]| format!("{good}&{}", encode(pairs));
        let mut witness = Witness::of(&app).await;
        let (mark, rows) = (witness.mark().await, witness.row_counts().await);
        for (name, body, status, error) in [
            ("no token", without.clone(), 400, "invalid_request"),
            ("an empty one", format!("{without}&refresh_token="), 400, "invalid_request"),
            ("two", with(&[("refresh_token", &token)]), 400, "invalid_request"),
            (
                "two audiences",
                with(&[("audience", BILLING), ("audience", MESSAGES)]),
                400,
                "invalid_request",
            ),
            (
                "one audience twice",
                with(&[("audience", BILLING), ("audience", BILLING)]),
                400,
                "invalid_request",
            ),
            (
                "two empty audiences",
                with(&[("audience", ""), ("audience", "")]),
                400,
                "invalid_request",
            ),
            (
                "audience and resource",
                with(&[("audience", BILLING), ("resource", MESSAGES)]),
                400,
                "invalid_request",
            ),
            ("601 characters", with(&[("audience", &"a".repeat(601))]), 400, "invalid_request"),
            (
                "two scopes",
                with(&[("scope", "openid"), ("scope", "email")]),
                400,
                "invalid_request",
            ),
            ("10,000 scopes", with(&[("scope", &"s ".repeat(10_000))]), 400, "invalid_scope"),
            ("a NUL in the scope", with(&[("scope", "openid\0")]), 400, "invalid_request"),
            ("a NUL in the audience", with(&[("audience", "\0")]), 400, "invalid_request"),
            ("not UTF-8", format!("{good}&scope=%ff"), 400, "invalid_request"),
            ("over 64 KiB", with(&[("x", &"a".repeat(70 * 1024))]), 413, "invalid_request"),
        ] {
            let answer = post(&app, "oauth/token", body).await;
            assert_eq!(answer.error(), (status, error.into()), "{backend} {name}: {}", answer.text);
        }
        // A token in an address would be in every log: it does not count.
        let query = encode(&[("refresh_token", &token)]);
        let answer = post(&app, &format!("oauth/token?{query}"), without).await;
        assert_eq!(answer.error(), (400, "invalid_request".into()), "{backend}: in the query");
        let everything = app.get(&format!("oauth/token?{good}")).await;
        assert_eq!(everything.status, 405, "{backend}: GET");
        assert_eq!(witness.mark().await, mark, "{backend}: something was written");
        assert_eq!(witness.row_counts().await, rows, "{backend}");

        // An unknown audience is written down, and leaves the family alone.
        let id = family_id(&app, &token);
        let before = format!("{:?}", family(&app, &id).await);
        for audience in [&"a".repeat(600), "\u{1}\u{2}", "https://api.example.com\n"] {
            let answer = app.refresh(&world, &token, &[("audience", audience)]).await;
            assert_eq!(answer.error(), (400, "invalid_target".into()), "{backend} {audience:?}");
        }
        assert_eq!(format!("{:?}", family(&app, &id).await), before, "{backend}");

        // No audience is the one of the login, and rubbish among the scopes is never given.
        let answer = app.refresh(&world, &token, &[("audience", ""), ("scope", "")]).await;
        let mut token = answer.text_of("refresh_token");
        assert!(answer.text_of("scope").contains("read:messages"), "{backend}");
        for rubbish in ["\u{1b}[31m\u{7}", "read:messages\u{7f}", "\"\\", "\u{202e}"] {
            let scope = format!("openid {rubbish}");
            let answer = app.refresh(&world, &token, &[("scope", &scope)]).await;
            if answer.status == 200 {
                assert_eq!(answer.text_of("scope"), "openid", "{backend} {rubbish:?}");
                token = answer.text_of("refresh_token");
            } else {
                let error = (400, "invalid_scope".into());
                assert_eq!(answer.error(), error, "{backend} {rubbish:?}: {}", answer.text);
            }
        }
        app.refresh(&world, &token, &[]).await.ok();
    }
}

async fn post(app: &TestApp, path: &str, body: String) -> crate::support::Answer {
    let request = app.http.post(app.url(path)).body(body);
    app.send(request.header("content-type", "application/x-www-form-urlencoded")).await
}
