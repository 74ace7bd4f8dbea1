//! Scripts that want the server to call for them.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, StatusCode},
    response::IntoResponse,
    routing::{any, get},
};
use doorward::{
    actions::{Engine, ErrorKind, Options, Script},
    outbound::Outbound,
};

use super::{TIME, engine_with, handler, is_well, tight};
use crate::support::scripts::{action, input};

/// What a script is told that fetches this.
async fn told(engine: &Engine, script: &Script<'_>) -> String {
    let done = engine.run(script, &input(), TIME).await;
    assert_eq!(done.result, Ok(()), "{}", script.code);
    done.console
}

fn fetching(what: &str) -> String {
    handler(&format!(
        "try {{ const r = await fetch({what}); console.log(r.status, r.redirected, await r.text()) }} \
         catch (e) {{ console.log(e.message) }}"
    ))
}

#[tokio::test]
async fn what_is_not_public_is_not_called() {
    let engine = engine_with(tight());
    for (url, why) in [
        ("https://127.0.0.1/", "not a public address"),
        ("https://127.1/", "not a public address"),
        ("https://2130706433/", "not a public address"),
        ("https://0x7f000001/", "not a public address"),
        ("https://0177.0.0.1/", "not a public address"),
        ("https://0/", "not a public address"),
        ("https://10.0.0.1/", "not a public address"),
        ("https://172.16.0.1/", "not a public address"),
        ("https://192.168.0.1/", "not a public address"),
        ("https://100.64.0.1/", "not a public address"),
        ("https://169.254.169.254/latest/meta-data/", "not a public address"),
        ("https://[::1]/", "not a public address"),
        ("https://[::]/", "not a public address"),
        ("https://[::ffff:127.0.0.1]/", "not a public address"),
        ("https://[::ffff:a9fe:a9fe]/", "not a public address"),
        ("https://[64:ff9b::7f00:1]/", "not a public address"),
        ("https://[fd00:ec2::254]/", "not a public address"),
        ("https://[fe80::1]/", "not a public address"),
        ("https://localhost/", "not a public address"),
        ("https://LOCALHOST./", "not a public address"),
        ("https://x.localhost/", "not a public address"),
        ("https://①②⑦.⓪.⓪.①/", "not a public address"),
        ("http://example.com/", "not https"),
        ("http://169.254.169.254/", "not https"),
        ("file:///etc/passwd", "not a usable URL"),
        ("data:text/plain,x", "not a usable URL"),
        ("gopher://127.0.0.1/", "not a usable URL"),
        ("ftp://127.0.0.1/", "not a usable URL"),
        ("ws://127.0.0.1/", "not a usable URL"),
        ("unix:///run/docker.sock", "not a usable URL"),
    ] {
        let code = fetching(&format!("'{url}'"));
        assert_eq!(told(&engine, &action(&code)).await, format!("fetch failed: {why}\n"), "{url}");
    }
    is_well(&engine).await;
}

#[tokio::test]
async fn a_name_of_this_machine_is_not_called() {
    // Names that only a resolver knows for private ones; where it does not, there is no connection.
    let engine = engine_with(tight());
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let names = hosts.lines().filter_map(|line| line.split_whitespace().nth(1));
    for name in names.filter(|name| !name.contains('#')) {
        let code = fetching(&format!("'https://{name}/'"));
        let why = told(&engine, &action(&code)).await;
        assert!(
            why == "fetch failed: not a public address\n" || why == "fetch failed: no connection\n",
            "{name}: {why}"
        );
    }
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_not_called() {
    let engine =
        engine_with(Options { allowed_hosts: vec!["api.example.com".to_owned()], ..tight() });
    let code = fetching("'https://api.example.org/'");
    assert_eq!(told(&engine, &action(&code)).await, "fetch failed: not an allowed host\n");
    let none = Script { allowed_hosts: Some(&[]), ..action(&code) };
    assert_eq!(told(&engine, &none).await, "fetch failed: not an allowed host\n");
}

#[tokio::test]
async fn more_requests_than_are_allowed_are_not_made() {
    let engine = engine_with(Options { max_requests: 3, ..tight() });
    let code = handler(
        "for (let i = 0; i < 5; i++) await fetch('https://127.0.0.1/').catch((e) => console.log(e.message)); \
         await Promise.all(new Array(1000).fill().map(() => fetch('https://127.0.0.1/').catch(() => {})));",
    );
    let done = engine.run(&action(&code), &input(), TIME).await;
    let refused = "fetch failed: not a public address\n".repeat(3);
    let too_many = "more than 3 requests\n".repeat(2);
    assert_eq!((done.result, done.console), (Ok(()), refused + &too_many));
    is_well(&engine).await;
}

/// A server on this machine, which only an operator who wants that lets scripts call.
async fn server() -> (Engine, String) {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let to = |url: String| get(move || async move { redirect(302, &url) });
    let endless = || async {
        Body::from_stream(futures_util::stream::repeat_with(|| {
            Ok::<_, std::io::Error>("x".repeat(10_000))
        }))
    };
    let slow = || async {
        let drip = futures_util::stream::unfold((), |()| async {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Some((Ok::<_, std::io::Error>("x"), ()))
        });
        Body::from_stream(drip)
    };
    let echo = |method: axum::http::Method, headers: HeaderMap, body: String| async move {
        let mut lines: Vec<_> = headers
            .iter()
            .filter(|(name, _)| !["accept", "user-agent", "host"].contains(&name.as_str()))
            .map(|(name, value)| format!("{name}={}", value.to_str().unwrap()))
            .collect();
        lines.sort();
        format!("{method} {} {body}", lines.join(" "))
    };
    let router = Router::new()
        .route("/echo", any(echo))
        .route("/loop", to("/loop".to_owned()))
        .route("/away", to("http://127.0.0.1:1/".to_owned()))
        .route("/file", to("file:///etc/passwd".to_owned()))
        .route("/login", to("http://u:p@127.0.0.1/".to_owned()))
        .route("/name", to(format!("http://localhost:{}/echo", here.rsplit(':').next().unwrap())))
        .route("/see", any(|| async { redirect(303, "/echo") }))
        .route("/again", any(|| async { redirect(307, "/echo") }))
        .route("/long", get(|| async { "x".repeat(3000) }))
        .route("/cookie", get(|| async { ([("set-cookie", "a=b")], "set") }))
        .route("/endless", get(endless))
        .route("/slow", get(slow));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let options = Options {
        allowed_hosts: vec![here.clone(), here.replace("127.0.0.1", "localhost")],
        max_response_bytes: 2000,
        ..tight()
    };
    (Engine::new(options, Arc::new(Outbound::new(true))), here)
}

fn redirect(status: u16, to: &str) -> impl IntoResponse + use<> {
    (StatusCode::from_u16(status).unwrap(), [("location", to.to_owned())], "elsewhere")
}

#[tokio::test]
async fn redirects_are_checked_and_counted() {
    let (engine, here) = server().await;
    for (path, init, expected) in [
        ("/echo", "{}", "200 false GET  \n"),
        ("/loop", "{}", "fetch failed: redirected too often\n"),
        ("/away", "{}", "fetch failed: not an allowed host\n"),
        ("/file", "{}", "fetch failed: not a usable URL\n"),
        ("/login", "{}", "fetch failed: not a usable URL\n"),
        ("/loop", "{ redirect: 'error' }", "fetch failed: redirected\n"),
        ("/loop", "{ redirect: 'manual' }", "302 false elsewhere\n"),
        ("/see", "{ method: 'POST', body: 'b' }", "200 true GET  \n"),
        (
            "/again",
            "{ method: 'POST', body: 'b' }",
            "200 true POST content-length=1 content-type=text/plain;charset=UTF-8 b\n",
        ),
        // What is for one origin is not sent to another.
        (
            "/echo",
            "{ headers: { authorization: 'A', cookie: 'c=1', 'x-mine': '1' } }",
            "200 false GET authorization=A cookie=c=1 x-mine=1 \n",
        ),
        (
            "/name",
            "{ headers: { authorization: 'A', cookie: 'c=1', 'x-mine': '1' } }",
            "200 true GET x-mine=1 \n",
        ),
        // Headers of the connection are the server's.
        (
            "/echo",
            "{ headers: { host: 'evil', connection: 'x', 'content-length': '9', 'transfer-encoding': 'chunked', te: 'x', \
             upgrade: 'h2c', 'proxy-authorization': 'x' } }",
            "200 false GET  \n",
        ),
        ("/cookie", "{}", "200 false set\n"),
        ("/echo", "{}", "200 false GET  \n"),
        ("/long", "{}", "fetch failed: the answer is too long\n"),
        ("/endless", "{}", "fetch failed: the answer is too long\n"),
    ] {
        let code = fetching(&format!("'http://{here}{path}', {init}"));
        assert_eq!(told(&engine, &action(&code)).await, expected, "{path} {init}");
    }
    is_well(&engine).await;
}

#[tokio::test]
async fn an_answer_that_never_ends_does_not_outlive_its_script() {
    let (engine, here) = server().await;
    let code = fetching(&format!("'http://{here}/slow'"));
    let done = engine.run(&action(&code), &input(), Duration::from_millis(600)).await;
    assert_eq!(done.result.unwrap_err().kind, ErrorKind::Timeout);
    is_well(&engine).await;
}

#[tokio::test]
async fn requests_that_nobody_waits_for_are_given_up() {
    let (engine, here) = server().await;
    let code = handler(&format!("fetch('http://{here}/slow'); fetch('http://{here}/slow');"));
    let done = engine.run(&action(&code), &input(), TIME).await;
    assert_eq!(done.result, Ok(()));
    is_well(&engine).await;
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused() {
    let (engine, here) = server().await;
    for (init, why) in [
        ("{ method: 'CONNECT' }", "not a valid HTTP method"),
        ("{ method: 'TRACE' }", "not a valid HTTP method"),
        ("{ method: 'GET / HTTP/1.1\\r\\nx: y' }", "not a valid HTTP method"),
        ("{ headers: { 'x': 'a\\r\\nb: c' } }", "invalid header value"),
        ("{ headers: { 'x y': 'a' } }", "invalid header name"),
        ("{ method: 'POST', body: 'x'.repeat(2000000) }", "too long"),
    ] {
        let code = fetching(&format!("'http://{here}/echo', {init}"));
        let told = told(&engine, &action(&code)).await;
        assert!(told.contains(why), "{init}: {told}");
    }
    is_well(&engine).await;
}
