//! Redirect URIs that are not the registered one: cases 1 to 12.

use doorward::crypto::digest;
use serde_json::{Value, json};

use super::{ask, confidential, query_of, refused, refused_to};
use crate::support::{Answer, TestApp, each_backend, fixtures::*};

const ORIGIN: &str = "https://app.example";
const MISMATCH: (u16, &str) = (400, "Callback URL mismatch");
const UNUSABLE: (u16, &str) = (400, "invalid_body");

/// Every way in which a response may be asked to travel, known or not.
const MODES: &[&str] = &[
    "query",
    "fragment",
    "form_post",
    "web_message",
    "jwt",
    "query.jwt",
    "fragment.jwt",
    "form_post.jwt",
    "nonsense",
];

/// An application that may have every kind of response, with these callbacks.
async fn world(app: &TestApp, callbacks: &[&str]) -> World {
    let mut client = confidential();
    client["grant_types"] = json!(["authorization_code", "implicit", "refresh_token"]);
    client["callbacks"] = json!(callbacks);
    client["web_origins"] = json!([ORIGIN]);
    app.world_with(client, json!({})).await
}

/// An authorize request with this redirect URI, sent by `GET`, by `POST` or to the alias.
async fn authorize(app: &TestApp, world: &World, uri: &str, more: &[(&str, &str)]) -> Vec<Answer> {
    let challenge = digest::s256_challenge(VERIFIER);
    let more = [&[("redirect_uri", uri)], more].concat();
    let query = query_of(world, &challenge, &more);
    vec![
        ask(app, "authorize", &query).await,
        app.post_form("authorize", &query).await,
        ask(app, "common/oauth2/authorize", &query).await,
    ]
}

/// Fails the test if the URI gets an answer of any kind, however it is asked for.
async fn is_never_answered(app: &TestApp, world: &World, uri: &str) {
    for mode in MODES {
        for response_type in ["code", "token"] {
            let more = [("response_mode", *mode), ("response_type", response_type)];
            for answer in authorize(app, world, uri, &more).await {
                refused(&answer, MISMATCH, &format!("{mode} {response_type} {uri}"));
                assert!(!answer.text.contains("<script"), "{mode} {uri}: {}", answer.text);
                assert!(!answer.text.contains("action=\"http"), "{mode} {uri}: {}", answer.text);
            }
        }
    }
    let challenge = digest::s256_challenge(VERIFIER);
    let mut form = query_of(world, &challenge, &[("redirect_uri", uri)]);
    form.push(("client_secret", &world.client_secret));
    refused(&app.post_form("oauth/par", &form).await, (400, "invalid_request"), uri);
}

/// Whether a request without a page is answered at this URI.
async fn is_answered(app: &TestApp, world: &World, uri: &str) {
    for answer in authorize(app, world, uri, &[("prompt", "none")]).await {
        refused_to(&answer, uri, "login_required", uri);
    }
}

/// Fails the test if the URI can be registered as a callback, at once or later.
async fn is_never_registered(app: &TestApp, world: &World, uri: &str) {
    for answer in register(app, world, json!({ "callbacks": [uri] })).await {
        refused(&answer, UNUSABLE, uri);
    }
}

async fn register(app: &TestApp, world: &World, settings: Value) -> [Answer; 2] {
    let mut new = settings.clone();
    new["name"] = json!("App");
    let path = format!("/clients/{}", world.client_id);
    [
        app.management("POST", "/clients", Some(new)).await,
        app.management("PATCH", &path, Some(settings)).await,
    ]
}

/// **Case 1.** CVE-2026-3872, Keycloak: `..;/` left the registered path.
#[tokio::test]
async fn no_way_leads_out_of_the_registered_path() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK]).await;
        for uri in [
            "https://app.example/callback/..;/evil",
            "https://app.example/callback/..;/callback",
            "https://app.example/callback;/../evil",
            "https://app.example/callback/../evil",
            "https://app.example/./callback",
            "https://app.example/callback/.",
            "https://app.example//callback",
        ] {
            is_never_answered(&app, &world, uri).await;
        }
        is_answered(&app, &world, CALLBACK).await;
    }
}

/// **Case 2.** CVE-2026-7504, Keycloak: of several `@` the check and the browser took different ones.
#[tokio::test]
async fn no_user_name_hides_the_host_however_many_there_are() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK]).await;
        for uri in [
            "https://a@b@evil@app.example/callback",
            "https://a@app.example/callback",
            "https://a:b@app.example/callback",
            "https://@app.example/callback",
            "https://a@b@app.example@evil.example/callback",
        ] {
            is_never_answered(&app, &world, uri).await;
            is_never_registered(&app, &world, uri).await;
        }
    }
}

/// **Case 3.** GO-2026-4653, Pocket ID: what is before the `@` was taken for the host.
#[tokio::test]
async fn the_registered_host_as_a_user_name_is_another_host() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK, "https://app.example"]).await;
        for uri in [
            "https://app.example@evil.example/callback",
            "https://app.example:443@evil.example/callback",
            "https://app.example%40evil.example/callback",
            "https://app.example\\@evil.example/callback",
            "https://app.example%5c@evil.example/callback",
            "https://app.example:@evil.example",
            "https://evil.example#@app.example/callback",
            "https://evil.example?@app.example/callback",
        ] {
            is_never_answered(&app, &world, uri).await;
        }
    }
}

/// **Case 4.** CVE-2026-9689, Keycloak: a parameter of the response stood in the redirect URI
/// already, and the application believed the wrong one.
#[tokio::test]
async fn no_redirect_uri_brings_parameters_of_the_response() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK, "https://*.app.example/callback"]).await;
        is_answered(&app, &world, "https://a.app.example/callback").await;
        for query in ["code=x", "state=y", "iss=z", "code=x&state=y&iss=z", "error=e", ""] {
            for host in ["app.example", "a.app.example"] {
                let uri = format!("https://{host}/callback?{query}");
                is_never_answered(&app, &world, &uri).await;
            }
        }
        for query in [
            "code=x&state=y&iss=z",
            "state=y",
            "iss=z",
            "error=e",
            "error_description=e",
            "error_uri=e",
            "access_token=t",
            "token_type=t",
            "expires_in=1",
            "scope=s",
            "id_token=t",
            "response=r",
            "session_state=s",
            "x=1&code=y",
            "x=1;code=y",
            "CODE=x",
            "c%6fde=x",
            "%63%6F%64%65=x",
            "code[]=x",
            "code",
            "+code=x",
        ] {
            for host in ["app.example", "*.app.example"] {
                is_never_registered(&app, &world, &format!("https://{host}/callback?{query}"))
                    .await;
            }
        }
    }
}

/// **Case 5.** CVE-2026-18209, Keycloak: the same in the fragment.
#[tokio::test]
async fn no_redirect_uri_has_a_fragment() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK]).await;
        for fragment in ["#code=x", "#", "#code=x&state=y&iss=z", "?x#access_token=t", "%23code=x"]
        {
            is_never_answered(&app, &world, &format!("{CALLBACK}{fragment}")).await;
        }
        for fragment in ["#code=x", "#", "?x#access_token=t"] {
            is_never_registered(&app, &world, &format!("{CALLBACK}{fragment}")).await;
        }
    }
}

/// **Case 6.** CVE-2020-15233 (GHSA-rfq3-w54c-f9q5), fosite: the exception for loopback addresses
/// was one for every application.
#[tokio::test]
async fn only_a_registered_loopback_address_takes_any_port_and_nothing_but_the_port() {
    for (_, app) in each_backend().await {
        let web = world(&app, &["https://example.com/cb"]).await;
        for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:9999/cb", "http://[::1]/cb"] {
            is_never_answered(&app, &web, uri).await;
        }
        let loopback = json!({ "callbacks": ["http://127.0.0.1/cb", "http://[::1]/cb"] });
        app.patch_client(&web.client_id, loopback).await;
        for uri in ["http://127.0.0.1/cb", "http://127.0.0.1:9999/cb", "http://[::1]:9999/cb"] {
            is_answered(&app, &web, uri).await;
        }
        for uri in [
            "http://127.0.0.1/cb?bar=1",
            "http://127.0.0.1:9999/cb?bar=1",
            "http://127.0.0.1:9999/other",
            "http://127.0.0.1:99999/cb",
            "http://127.0.0.1:80@evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://127.1/cb",
            "http://localhost/cb",
            "https://127.0.0.1/cb",
        ] {
            is_never_answered(&app, &web, uri).await;
        }
    }
}

/// **Case 7.** CVE-2020-15234 (GHSA-grfp-q2mm-hfp6), fosite: redirect URIs were compared without
/// regard to case.
#[tokio::test]
async fn upper_case_is_another_address() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK]).await;
        for uri in [
            "https://app.example/CALLBACK",
            "https://app.example/Callback",
            "https://APP.example/callback",
            "HTTPS://app.example/callback",
        ] {
            is_never_answered(&app, &world, uri).await;
        }
    }
}

/// **Case 8.** CVE-2024-52289, authentik: a dot of the registered host stood for any character.
#[tokio::test]
async fn what_is_registered_is_no_pattern() {
    for (_, app) in each_backend().await {
        let registered =
            ["https://foo.example.com", "https://foo.example.com/a.*", "https://f.o/?+"];
        let world = world(&app, &registered).await;
        for uri in [
            "https://fooXexample.com",
            "https://foo.exampleXcom",
            "https://foo.example.com/",
            "https://foo.example.com/abc",
            "https://foo.example.com/a.",
            "https://fo.example.com",
            "https://fXo/?+",
            "https://f.o/?",
            "https://f.o/",
        ] {
            is_never_answered(&app, &world, uri).await;
        }
        for uri in registered {
            for answer in authorize(&app, &world, uri, &[("prompt", "none")]).await {
                assert_eq!(answer.status, 302, "{uri}: byte by byte it is one: {}", answer.text);
            }
        }
    }
}

/// **Case 9.** CVE-2023-6291, CVE-2023-6927 (GHSA-9vm7-v8wj-3fqw), Keycloak: with `form_post.jwt`
/// a prefix of the redirect URI was enough.
#[tokio::test]
async fn no_response_mode_is_content_with_less() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK, "https://app.example/cb/*"]).await;
        for uri in [
            "https://app.example/callback/evil",
            "https://app.example/callbackevil",
            "https://app.example/callback.evil.example",
            "https://app.example/cb/evil",
            "https://app.example/cb/",
            "https://app.example.evil.example/callback",
            "https://app.example/call",
        ] {
            is_never_answered(&app, &world, uri).await;
        }
        // Of the modes that the server does not have, the application itself is told.
        for mode in ["jwt", "query.jwt", "fragment.jwt", "form_post.jwt", "nonsense"] {
            for answer in authorize(&app, &world, CALLBACK, &[("response_mode", mode)]).await {
                refused_to(&answer, CALLBACK, "invalid_request", mode);
            }
        }
        let tokens = [("response_mode", "query"), ("response_type", "token")];
        for answer in authorize(&app, &world, CALLBACK, &tokens).await {
            refused_to(&answer, CALLBACK, "invalid_request", "tokens in a query");
        }
    }
}

/// **Case 10.** CVE-2024-1132, CVE-2022-3782, Keycloak: the path was decoded once more after the
/// check.
#[tokio::test]
async fn an_encoded_path_is_another_path() {
    for (_, app) in each_backend().await {
        let world = world(&app, &[CALLBACK]).await;
        for uri in [
            "https://app.example/%2e%2e%2fcallback",
            "https://app.example/callback/%2e%2e%2fevil",
            "https://app.example/callback/%252e%252e%252fevil",
            "https://app.example/callback%2f..%2fevil",
            "https://app.example/%63allback",
            "https://app.example/%2563allback",
            "https://app.example/callback%00",
            "https://app.example/callback%0d%0aset-cookie:a=b",
            "https://app.example/callback%",
        ] {
            is_never_answered(&app, &world, uri).await;
        }
    }
}

/// **Case 11.** CVE-2026-18211, CVE-2026-18206, Keycloak: a host that begins or ends like an allowed
/// one was taken for it.
#[tokio::test]
async fn a_host_that_begins_or_ends_like_an_allowed_one_is_another() {
    for (backend, app) in each_backend().await {
        let allowed = ["http://localhost:3000/cb", "https://*.example.com/cb"];
        let world = world(&app, &allowed).await;
        let lists = json!({
            "allowed_origins": ["http://localhost:3000", "https://*.example.com"],
            "web_origins": ["http://localhost:3000", "https://*.example.com"],
            "allowed_logout_urls": allowed,
        });
        app.patch_client(&world.client_id, lists).await;
        is_answered(&app, &world, "http://localhost:3000/cb").await;
        is_answered(&app, &world, "https://a.example.com/cb").await;
        let preflight = async |origin: &str| {
            let request = app.http.request(reqwest::Method::OPTIONS, app.url("oauth/token"));
            let request = request.header("access-control-request-method", "POST");
            app.send(request.header("origin", origin)).await
        };
        for origin in ["http://localhost:3000", "https://a.example.com"] {
            let told = preflight(origin).await;
            assert_eq!(told.header("access-control-allow-origin"), origin, "{backend}");
        }
        for origin in [
            "http://localhost.evil:3000",
            "http://localhost.evil.example:3000",
            "http://evil-localhost:3000",
            "http://localhost:30001",
            "https://evilexample.com",
            "https://fooXexample.com",
            "https://example.com",
            "https://a.b.example.com",
            "https://a.example.com.evil.example",
            "https://a.example.com:8443",
            "http://a.example.com",
        ] {
            let uri = format!("{origin}/cb");
            is_never_answered(&app, &world, &uri).await;
            let told = preflight(origin).await;
            for header in ["access-control-allow-origin", "access-control-allow-methods"] {
                assert_eq!(told.header(header), "", "{backend} {origin}");
            }
            let client = ("client_id", world.client_id.as_str());
            let to = [client, ("returnTo", &uri)];
            refused(&ask(&app, "v2/logout", &to).await, (400, "Logout URL mismatch"), &uri);
            let to = [client, ("post_logout_redirect_uri", &uri)];
            refused(&ask(&app, "oidc/logout", &to).await, (400, "Logout URL mismatch"), &uri);
        }
    }
}

/// **Case 12.** CVE-2024-21637, authentik: a registered `javascript:` address ran as script in the
/// page that posts the response.
#[tokio::test]
async fn no_address_runs_script() {
    for (backend, app) in each_backend().await {
        let world = world(&app, &[CALLBACK]).await;
        let create_ticket = json!({ "user_id": world.user_id });
        for uri in [
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "javascript://app.example/%0aalert(1)",
            "java\tscript:alert(1)",
            "\u{1}javascript:alert(1)",
            " javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "data:text/html;base64,PHNjcmlwdD4=",
            "vbscript:x",
            "file:///etc/passwd",
            "blob:https://app.example/x",
        ] {
            is_never_answered(&app, &world, uri).await;
            is_never_registered(&app, &world, uri).await;
            for name in ["allowed_logout_urls", "allowed_origins", "web_origins"] {
                for answer in register(&app, &world, json!({ name: [uri] })).await {
                    refused(&answer, UNUSABLE, &format!("{backend} {name} {uri}"));
                }
            }
            for name in ["initiate_login_uri", "logo_uri"] {
                for answer in register(&app, &world, json!({ name: uri })).await {
                    refused(&answer, UNUSABLE, &format!("{backend} {name} {uri}"));
                }
            }
            for settings in [
                json!({ "default_redirection_uri": uri }),
                json!({ "error_page": { "url": uri, "html": "", "show_log_link": false } }),
                json!({ "picture_url": uri }),
                json!({ "support_url": uri }),
            ] {
                let answer = app.management("PATCH", "/tenants/settings", Some(settings.clone()));
                refused(&answer.await, UNUSABLE, &format!("{backend} {settings}"));
            }
            for kind in ["password-change", "email-verification"] {
                let mut body = create_ticket.clone();
                body["result_url"] = json!(uri);
                let answer = app.management("POST", &format!("/tickets/{kind}"), Some(body)).await;
                refused(&answer, UNUSABLE, &format!("{backend} {kind} {uri}"));
            }
        }
    }
}
