//! The real binary under `kill -9`, again and again, while people use it.

use std::{
    sync::{
        Arc, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;

use super::{
    Random, generation, is_refused, log_in_as, password_client, seed, server::Server, size,
};
use crate::support::{each_backend, fixtures::*, payload};

const PEOPLE: usize = 4;
const PAUSE: Duration = Duration::from_millis(5);

/// What all share.
struct Street {
    address: RwLock<String>,
    client_id: String,
    stop: AtomicBool,
    exchanges: [AtomicU64; PEOPLE],
    lost_answers: AtomicU64,
}

/// Uses the application until told to stop. Returns every token, the current one last.
async fn live(street: Arc<Street>, number: usize, first: String) -> Vec<String> {
    let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build().unwrap();
    let mut random = Random(number as u64);
    let mut tokens = vec![first];
    while !street.stop.load(Ordering::SeqCst) {
        let address = street.address.read().unwrap().clone();
        let audience = *random.pick(&[MESSAGES, BILLING]);
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", &street.client_id),
            ("refresh_token", tokens.last().unwrap()),
            ("audience", audience),
        ];
        let sent = http.post(format!("{address}oauth/token")).form(&form).send().await;
        let answered = match sent {
            Ok(answer) => {
                let status = answer.status();
                answer.text().await.map(|text| (status, text))
            }
            Err(error) => Err(error),
        };
        match answered {
            Ok((status, text)) => {
                assert_eq!(status, 200, "person {number} is logged out: {text}");
                let body: serde_json::Value = serde_json::from_str(&text).unwrap();
                let claims = payload(body["access_token"].as_str().unwrap());
                assert_eq!(claims["aud"][0], audience);
                let token = body["refresh_token"].as_str().unwrap().to_owned();
                assert!(!tokens.contains(&token), "a successor is new to who retries");
                tokens.push(token);
                street.exchanges[number].fetch_add(1, Ordering::SeqCst);
            }
            // Nobody knows what became of the exchange. The same token again.
            Err(error) => {
                if !error.is_connect() {
                    street.lost_answers.fetch_add(1, Ordering::SeqCst);
                }
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    tokens
}

impl Street {
    fn all_exchanges(&self) -> [u64; PEOPLE] {
        std::array::from_fn(|i| self.exchanges[i].load(Ordering::SeqCst))
    }

    /// Waits until everybody has exchanged `more` times, or has been logged out.
    async fn wait_for(&self, more: u64, people: &[tokio::task::JoinHandle<Vec<String>>]) {
        let before = self.all_exchanges();
        for _ in 0..6000 {
            let now = self.all_exchanges();
            let mut pairs = now.iter().zip(before);
            if pairs.all(|(now, before)| *now >= before + more)
                || people.iter().any(tokio::task::JoinHandle::is_finished)
            {
                return;
            }
            tokio::time::sleep(PAUSE).await;
        }
        panic!("no exchange succeeds any more: {before:?}, {:?}", self.all_exchanges());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_logged_out_by_kill_9() {
    let (kills, seed) = (size("DOORWARD_PROOF_KILLS", 10), seed());
    eprintln!("DOORWARD_PROOF_SEED={seed}");
    for (backend, app) in each_backend().await {
        let mut random = Random(seed);
        let long = json!({ "leeway": 60, "token_lifetime": 86_400, "idle_token_lifetime": 80_000 });
        let world = app.world_with(password_client(), long).await;
        let mut first = Vec::new();
        for i in 0..PEOPLE {
            let email = format!("person{i}@example.com");
            app.add_user(&email, PASSWORD).await;
            first.push(log_in_as(&app, &world, &email).await);
        }
        // From here on the database belongs to the binary.
        app.inner.store.close().await;
        let folder = tempfile::tempdir().unwrap();
        let mut server = Server::start(&app, folder.path()).await;
        let street = Arc::new(Street {
            address: RwLock::new(server.address.clone()),
            client_id: world.client_id.clone(),
            stop: AtomicBool::new(false),
            exchanges: Default::default(),
            lost_answers: AtomicU64::new(0),
        });
        let people = first.into_iter().enumerate();
        let people: Vec<_> =
            people.map(|(i, token)| tokio::spawn(live(Arc::clone(&street), i, token))).collect();
        for _ in 0..kills {
            street.wait_for(1 + random.next() % 3, &people).await;
            server.kill();
            server = Server::start(&app, folder.path()).await;
            street.address.write().unwrap().clone_from(&server.address);
        }
        street.wait_for(3, &people).await;
        street.stop.store(true, Ordering::SeqCst);
        let mut tokens = Vec::new();
        for person in people {
            tokens.push(person.await.unwrap());
        }
        server.kill();

        let lost = street.lost_answers.load(Ordering::SeqCst);
        let exchanges: u64 = street.all_exchanges().iter().sum();
        eprintln!("{backend}: {kills} kills, {exchanges} exchanges, {lost} lost answers");
        let app = app.another_node().await;
        for tokens in &tokens {
            // Every answer was a successor, and no successor was left out: nothing forked.
            for (i, token) in tokens.iter().enumerate() {
                assert_eq!(generation(&app, token) as usize, i, "{backend}");
            }
        }
        let (victim, others) = tokens.split_first().unwrap();
        let stolen = &victim[victim.len() - 3];
        is_refused(&app.refresh(&world, stolen, &[]).await, "two generations back");
        is_refused(&app.refresh(&world, victim.last().unwrap(), &[]).await, "its family is dead");
        for tokens in others {
            app.refresh(&world, tokens.last().unwrap(), &[]).await.ok();
        }
    }
}
