//! How long an execution takes; run with `--ignored --nocapture`, best in a release build.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::scripts::{LIMIT, action, engine, input};

/// What the documentation of multi-resource refresh tokens shows.
const DOCUMENTED: &str = "exports.onExecutePostLogin = async (event, api) => { \
    const allowedAPIsInTheClient = event.client.refresh_token?.policies; \
    if (allowedAPIsInTheClient?.some(policy => policy?.audience?.includes('https://myapi'))) { \
        api.accessToken.setCustomClaim('https://myapi/allowed', true); } };";

/// An event of some 5 KB.
fn large() -> Value {
    let mut input = input();
    let policies: Vec<_> = (0..20)
        .map(|n| json!({ "audience": format!("https://api{n}.example.com"), "scope": ["read:messages", "write:messages"] }))
        .chain([json!({ "audience": "https://myapi", "scope": ["read:x"] })])
        .collect();
    input["event"]["client"]["refresh_token"] = json!({ "policies": policies });
    input["event"]["user"]["app_metadata"] = json!({ "padding": "x".repeat(2500) });
    input
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

#[tokio::test]
#[ignore = "prints figures"]
async fn the_time_of_an_execution() {
    let input = large();
    println!("input: {} bytes", serde_json::to_vec(&input).unwrap().len());
    let other = DOCUMENTED.replace("myapi", "another");
    let (one, two) = (action(DOCUMENTED), action(&other));
    let mut cold = Vec::new();
    for _ in 0..20 {
        let engine = engine();
        let begun = Instant::now();
        engine.run(&one, &input, LIMIT).await.result.unwrap();
        cold.push(begun.elapsed());
    }
    println!("with the start of a worker: {:?}", median(cold));
    let engine = engine();
    let (mut warm, mut at_once) = (Vec::new(), Vec::new());
    for _ in 0..500 {
        // Time to make the next context, as between two logins.
        tokio::time::sleep(Duration::from_millis(3)).await;
        let begun = Instant::now();
        engine.run(&one, &input, LIMIT).await.result.unwrap();
        warm.push(begun.elapsed());
    }
    for _ in 0..500 {
        let begun = Instant::now();
        engine.run(&one, &input, LIMIT).await.result.unwrap();
        at_once.push(begun.elapsed());
    }
    println!(
        "the same script again, at leisure: {:?}, at once: {:?}",
        median(warm),
        median(at_once)
    );
    let mut other = Vec::new();
    for n in 0..200 {
        tokio::time::sleep(Duration::from_millis(3)).await;
        let begun = Instant::now();
        engine.run(if n % 2 == 0 { &one } else { &two }, &input, LIMIT).await.result.unwrap();
        other.push(begun.elapsed());
    }
    println!("two scripts in turn on one worker, at leisure: {:?}", median(other));
}
