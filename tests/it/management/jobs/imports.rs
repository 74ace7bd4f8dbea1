//! `POST /jobs/users-imports`.

use doorward::{
    domain::{
        JobId, UserId,
        job::{Job, JobKind},
        time::Clock,
    },
    store::{connections, jobs, users},
};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::{
    BOUNDARY, ask, connection, database, ended, errors, import, multipart, nobody_has, send,
    send_parts, summary, user,
};
use crate::management::{get, patch, post, refused};
use crate::support::{Answer, TestApp, each_backend, each_backend_with};

const BCRYPT: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
const BCRYPT_OF: &str = "U*U";

async fn client(app: &TestApp) -> String {
    let grants = json!({ "grant_types": ["password"], "token_endpoint_auth_method": "none" });
    app.add_client(grants).await["client_id"].as_str().unwrap().to_owned()
}

async fn log_in(app: &TestApp, client: &str, who: &str, password: &str) -> u16 {
    let form = [
        ("grant_type", "password"),
        ("client_id", client),
        ("username", who),
        ("password", password),
        ("scope", "openid"),
    ];
    app.token(&form).await.status
}

/// What the store keeps of a password.
async fn stored(app: &TestApp, id: &str) -> String {
    let mut conn = app.inner.store.read().await.unwrap();
    let found = users::find(conn.db(), &UserId::new(id)).await.unwrap().unwrap();
    found.password_hash.unwrap_or_default()
}

#[tokio::test]
async fn users_are_imported_with_their_passwords_and_log_in() {
    for (backend, app) in each_backend().await {
        let client = client(&app).await;
        let job = ask(
            &app,
            &json!([
                { "email": "Velma@contoso.example", "user_id": "v", "email_verified": true,
                  "given_name": "Velma", "app_metadata": { "plan": "pro" }, "password_hash": BCRYPT },
                { "email": "carmella@contoso.example", "user_id": "c", "username": "Carmella",
                  "custom_password_hash": {
                    "algorithm": "scrypt", "keylen": 32, "cost": 4096, "salt": { "value": "abc123" },
                    "hash": { "encoding": "hex", "value": "097f6197e1b41538f723e32aa7a68e8d76227d8e432ce5faa4882a913032db29" },
                } },
                { "email": "blocked@contoso.example", "blocked": true, "password_hash": BCRYPT },
                { "email": "none@contoso.example", "user_id": "n" },
            ]),
            &[("external_id", "mine"), ("send_completion_email", "false")],
        )
        .await;
        assert_eq!(job["status"], "pending", "{backend} {job}");
        assert_eq!(job["type"], "users_import");
        assert_eq!(job["connection"], "Username-Password-Authentication");
        assert_eq!(job["connection_id"], database(&app).await);
        assert_eq!((&job["external_id"], &job["upsert"]), (&json!("mine"), &json!(false)));
        assert_eq!(job["send_completion_email"], false);
        assert!(job["id"].as_str().unwrap().starts_with("job_"));

        let done = ended(&app, &job).await;
        assert_eq!(done["status"], "completed", "{backend} {done}");
        assert_eq!(done["summary"], summary(4, 0, 0), "{backend}");
        assert_eq!((&done["percentage_done"], &done["external_id"]), (&json!(100), &json!("mine")));
        assert_eq!(errors(&app, &job).await.status, 204);

        let velma = user(&app, "auth0|v").await;
        assert_eq!(velma["email"], "velma@contoso.example");
        assert_eq!(
            (&velma["email_verified"], &velma["given_name"]),
            (&json!(true), &json!("Velma"))
        );
        assert_eq!(velma["app_metadata"], json!({ "plan": "pro" }));
        assert_eq!(
            (&velma["name"], &velma["nickname"]),
            (&json!("velma@contoso.example"), &json!("velma"))
        );

        assert!(stored(&app, "auth0|v").await.starts_with("foreign:"));
        assert_eq!(log_in(&app, &client, "velma@contoso.example", "wrong").await, 400);
        assert!(
            stored(&app, "auth0|v").await.starts_with("foreign:"),
            "a wrong one changes nothing"
        );
        assert_eq!(log_in(&app, &client, "VELMA@contoso.example", BCRYPT_OF).await, 200);
        assert!(stored(&app, "auth0|v").await.starts_with("$argon2id$"), "{backend}");
        assert_eq!(log_in(&app, &client, "velma@contoso.example", BCRYPT_OF).await, 200);
        assert_eq!(log_in(&app, &client, "velma@contoso.example", "wrong").await, 400);
        assert_eq!(log_in(&app, &client, "carmella", "password").await, 200);
        assert!(stored(&app, "auth0|c").await.starts_with("$argon2id$"), "{backend}");
        assert_ne!(log_in(&app, &client, "blocked@contoso.example", BCRYPT_OF).await, 200);
        assert_eq!(log_in(&app, &client, "none@contoso.example", "").await, 400);
        assert_eq!(stored(&app, "auth0|n").await, "");
    }
}

#[tokio::test]
async fn a_password_that_was_changed_is_not_undone_by_the_hash_that_was_imported() {
    for (backend, app) in each_backend().await {
        let client = client(&app).await;
        let line = json!([{ "email": "a@b.example", "user_id": "a", "password_hash": BCRYPT }]);
        import(&app, line, &[]).await;
        let imported = stored(&app, "auth0|a").await;
        let password = json!({ "password": "another one entirely" });
        patch(&app, "/users/auth0%7Ca", password).await.ok();
        let changed = stored(&app, "auth0|a").await;
        // A login that had checked the imported hash before the change comes second.
        let mut tx = app.inner.store.write().await.unwrap();
        let id = UserId::new("auth0|a");
        let replaced = users::replace_password_hash(&mut tx, &id, &imported, "$argon2id$x").await;
        assert!(!replaced.unwrap(), "{backend}");
        tx.commit().await.unwrap();
        assert_eq!(stored(&app, "auth0|a").await, changed);
        assert_eq!(log_in(&app, &client, "a@b.example", BCRYPT_OF).await, 400, "{backend}");
        assert_eq!(log_in(&app, &client, "a@b.example", "another one entirely").await, 200);
    }
}

#[tokio::test]
async fn each_wrong_line_is_told_without_its_secrets_and_the_others_are_imported() {
    for (backend, app) in each_backend().await {
        app.add_user("there@b.example", "correct horse battery staple").await;
        let taken = json!({ "connection": "Username-Password-Authentication", "email": "o@b.example",
            "username": "taken", "user_id": "taken", "password": "correct horse battery staple" });
        TestApp::created(&post(&app, "/users", taken).await);
        let job = import(
            &app,
            json!([
                { "email": "good@b.example", "user_id": "g", "username": "good" },
                { "email": "GOOD@b.example" },
                { "email": "x1@b.example", "user_id": "g" },
                { "email": "x2@b.example", "username": "Good" },
                { "email": "there@b.example", "password_hash": BCRYPT },
                { "email": "x3@b.example", "username": "taken" },
                { "email": "x4@b.example", "user_id": "taken" },
                { "email": "no address", "password_hash": "s3cret" },
                { "email": "x5@b.example", "custom_password_hash": { "algorithm": "hmac", "hash": {
                    "value": "s3cret", "encoding": "hex", "digest": "md5", "key": { "value": "s3cret" } } } },
                { "email": "x6@b.example", "mfa_factors": [{ "totp": { "secret": "s3cret" } }] },
                "s3cret",
                { "email": "also-good@b.example" },
            ]),
            &[],
        )
        .await;
        assert_eq!(job["status"], "completed", "{backend} {job}");
        assert_eq!(job["summary"], summary(2, 0, 10), "{backend}");
        let answer = errors(&app, &job).await;
        let told = answer.ok();
        let told: Vec<_> = told
            .as_array()
            .unwrap()
            .iter()
            .map(|line| {
                let error = &line["errors"][0];
                (
                    line["user"]["email"].as_str(),
                    error["code"].as_str().unwrap(),
                    error["path"].as_str(),
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (Some("GOOD@b.example"), "DUPLICATED_USER", None),
                (Some("x1@b.example"), "DUPLICATED_USER", None),
                (Some("x2@b.example"), "DUPLICATED_USER", None),
                (Some("there@b.example"), "CONFLICT_EMAIL", None),
                (Some("x3@b.example"), "CONFLICT_USERNAME", None),
                (Some("x4@b.example"), "CONFLICT", None),
                (Some("no address"), "INVALID_FORMAT", Some("email")),
                (Some("x5@b.example"), "INVALID_FORMAT", Some("custom_password_hash.hash.value")),
                (Some("x6@b.example"), "MFA_FACTORS_FAILED", Some("mfa_factors")),
                (None, "INVALID_TYPE", None),
            ],
            "{backend}"
        );
        assert!(
            !answer.text.contains("s3cret") && !answer.text.contains(BCRYPT),
            "{}",
            answer.text
        );
        let first = &answer.json()[0]["errors"][0];
        assert_eq!(first["message"], "A user with this email was already provided.");
        user(&app, "auth0|g").await;
        nobody_has(&app, "x1@b.example").await;
    }
}

#[tokio::test]
async fn an_upsert_changes_what_it_may_and_leaves_the_rest() {
    for (backend, app) in each_backend().await {
        let client = client(&app).await;
        let digest = |value: &str| {
            json!({
                "algorithm": "md5", "hash": { "encoding": "hex", "value": value },
            })
        };
        let (one, two) = ("f97c5d29941bfb1b2fdab0874906ab82", "b8a9f715dbb64fd5c56e7783c6820a61");
        let lines = |hash: &str, more: Value| {
            let mut line = json!({ "email": "a@b.example", "custom_password_hash": digest(hash) });
            for (name, value) in more.as_object().unwrap() {
                line[name] = value.clone();
            }
            json!([line])
        };
        let first = json!({ "user_id": "a", "username": "first", "email_verified": true,
            "app_metadata": { "a": 1, "b": 1 }, "user_metadata": { "u": 1 }, "nickname": "N" });
        import(&app, lines(one, first), &[]).await;
        let upsert = &[("upsert", "true")];
        let second = json!({ "user_id": "other", "username": "second", "blocked": true,
            "app_metadata": { "b": 2 }, "given_name": "G" });
        let job = import(&app, lines(two, second), upsert).await;
        assert_eq!(job["summary"], summary(0, 1, 0), "{backend} {job}");
        let shown = user(&app, "auth0|a").await;
        assert_eq!(shown["username"], "first", "{backend}");
        assert_eq!(shown.get("blocked"), None);
        assert_eq!(shown["email_verified"], true);
        assert_eq!(shown["app_metadata"], json!({ "b": 2 }), "metadata is replaced");
        assert_eq!(shown["user_metadata"], json!({ "u": 1 }));
        assert_eq!((&shown["nickname"], &shown["given_name"]), (&json!("N"), &json!("G")));
        // The hash that nobody has used gives way to another.
        assert_eq!(log_in(&app, &client, "a@b.example", "one").await, 400, "{backend}");
        assert_eq!(log_in(&app, &client, "a@b.example", "two").await, 200, "{backend}");
        let job = import(&app, lines(one, json!({ "email_verified": false })), upsert).await;
        assert_eq!(job["summary"], summary(0, 1, 0));
        assert_eq!(user(&app, "auth0|a").await["email_verified"], false);
        assert_eq!(log_in(&app, &client, "a@b.example", "one").await, 400, "a used password stays");
        assert_eq!(log_in(&app, &client, "a@b.example", "two").await, 200);
        let job =
            import(&app, json!([{ "email": "a@b.example" }, { "email": "a@b.example" }]), upsert)
                .await;
        assert_eq!(job["summary"], summary(0, 1, 1), "twice in one file");
    }
}

#[tokio::test]
async fn a_file_that_is_not_json_imports_nobody() {
    for (backend, app) in each_backend().await {
        let id = database(&app).await;
        for (i, bad) in [
            "{}",
            "x",
            "[{\"email\":\"a0@b.example\"}",
            "[{\"email\":\"a1@b.example\"},{\"email\":}]",
            "[{\"email\":\"a2@b.example\"}]]",
        ]
        .into_iter()
        .enumerate()
        {
            let answer = send_parts(&app, &[("users", bad), ("connection_id", &id)]).await;
            assert_eq!(answer.status, 202, "{backend} {}", answer.text);
            let job = ended(&app, &answer.json()).await;
            assert_eq!(job["status"], "failed", "{backend} {i}");
            let why =
                "Failed to parse users file JSON when importing users. Make sure it is valid JSON.";
            assert_eq!(job["status_details"], why);
            let told = errors(&app, &job).await.ok();
            assert_eq!((&told["id"], &told["status_details"]), (&job["id"], &json!(why)));
            nobody_has(&app, &format!("a{}@b.example", i.saturating_sub(2))).await;
        }
        assert_eq!(import(&app, json!([]), &[]).await["summary"], summary(0, 0, 0), "{backend}");
    }
}

#[tokio::test]
async fn wrong_parts_are_refused_in_recorded_words() {
    let refuse = |answer: &Answer, message: &str| {
        assert_eq!(refused(answer), (400, "invalid_body".to_owned()), "{}", answer.text);
        assert_eq!(answer.text_of("message"), message);
    };
    for (_, app) in each_backend().await {
        let id = database(&app).await;
        let users = ("users", "[]");
        let email = connection(&app, "email").await;
        let long = "x".repeat(2000);
        let invalid = "Payload validation error: 'Invalid multipart payload format'.";
        for (parts, message) in [
            (vec![("connection_id", id.as_str())], "Must provide 'users' file as multipart part."),
            (vec![], "Must provide 'users' file as multipart part."),
            (vec![("users", ""), ("connection_id", &id)], "Users file must not be empty."),
            (vec![users], "Must provide 'connection_id' as multipart part."),
            (
                vec![("connection_id", "con_1"), users],
                "Payload validation error: 'String does not match pattern ^con_[A-Za-z0-9]{16}$' on property connection_id.",
            ),
            (
                vec![users, ("connection_id", "con_0000000000000001")],
                "The connection does not exist.",
            ),
            (vec![users, ("connection_id", &email)], "Connection must be a database connection."),
            (
                vec![users, ("connection_id", &id), ("upsert", "yes")],
                "Payload validation error: 'Expected type boolean but found type string' on property upsert.",
            ),
            (vec![users, users, ("connection_id", &id)], invalid),
            (vec![users, ("connection_id", &id), ("connection_id", &id)], invalid),
            (vec![users, ("connection_id", &id), ("external_id", &long)], invalid),
        ] {
            refuse(&send_parts(&app, &parts).await, message);
        }
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let whole = multipart(&[users, ("connection_id", &id)]);
        for (content_type, body) in [
            ("application/json", "{}".to_owned()),
            ("multipart/form-data", whole.clone()),
            (&content_type, String::new()),
            (&content_type, "rubbish".to_owned()),
            (&content_type, whole[..whole.len() - 20].to_owned()),
            (&content_type, whole.replace(BOUNDARY, "other")),
        ] {
            refuse(&send(&app, content_type, body).await, invalid);
        }
        let endless = format!("--{BOUNDARY}\r\nX: {}", "x".repeat(5 * 1024 * 1024));
        refuse(&send(&app, &content_type, endless).await, invalid);
        let mut tx = app.inner.store.write().await.unwrap();
        let database = doorward::domain::ConnectionId::new(&id);
        connections::disable_for_all(&mut tx, &database).await.unwrap();
        tx.commit().await.unwrap();
        let answer = send_parts(&app, &[users, ("connection_id", &id)]).await;
        refuse(&answer, "Connection must be enabled.");
        // Nothing of all this is left, and none of it counts as a job.
        let mut conn = app.inner.store.read().await.unwrap();
        let now = app.clock.now();
        let active = jobs::count_active(conn.db(), JobKind::UsersImport, now).await.unwrap();
        assert_eq!(active, 0);
        assert_eq!(get(&app, "/jobs/job_unknown").await.text_of("message"), "Job not found.");
        let answer = get(&app, "/jobs/job_unknown/errors").await;
        assert_eq!(
            (answer.status, answer.text_of("message")),
            (404, "The job does not exist".into())
        );
        assert_eq!(get(&app, "/jobs/job_unknown?x=1").await.status, 400);
    }
}

#[tokio::test]
async fn a_file_that_is_too_long_is_refused_and_forgotten() {
    for (_, app) in each_backend_with("[jobs]\nimport_max_bytes = 400000").await {
        let id = database(&app).await;
        let padded = |length: usize| format!("[{}]", " ".repeat(length - 2));
        let parts = |file: &str| multipart(&[("users", file), ("connection_id", &id)]);
        let content_type = format!("multipart/form-data; boundary={BOUNDARY}");
        let answer = send(&app, &content_type, parts(&padded(400_000))).await;
        assert_eq!(answer.status, 202, "{}", answer.text);
        let job = ended(&app, &answer.json()).await;
        assert_eq!(job["status"], "completed");
        for length in [400_001, 900_000] {
            let answer = send(&app, &content_type, parts(&padded(length))).await;
            assert_eq!(refused(&answer), (413, String::new()));
            let message = "Payload content length greater than maximum allowed: 400000.";
            assert_eq!(answer.text_of("message"), message);
        }
        let file = parts(&padded(900_000));
        let answer = send_chunked(&app, &content_type, file.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    }
}

/// Sends a body without a length that says beforehand how long it is. Returns the answer.
async fn send_chunked(app: &TestApp, content_type: &str, body: &[u8]) -> String {
    let address = app.issuer.trim_start_matches("http://").trim_end_matches('/');
    let stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let (mut reader, mut writer) = stream.into_split();
    let head = format!(
        "POST /api/v2/jobs/users-imports HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Authorization: Bearer {}\r\nContent-Type: {content_type}\r\nTransfer-Encoding: chunked\r\n\r\n",
        app.management_token().await,
    );
    let mut bytes = head.into_bytes();
    for chunk in body.chunks(50_000) {
        bytes.extend(format!("{:x}\r\n", chunk.len()).into_bytes());
        bytes.extend(chunk);
        bytes.extend(b"\r\n");
    }
    bytes.extend(b"0\r\n\r\n");
    // The server may hang up before it has read everything.
    let writing = tokio::spawn(async move {
        let _ = writer.write_all(&bytes).await;
        writer
    });
    let mut answer = [0; 12];
    reader.read_exact(&mut answer).await.unwrap();
    let _ = writing.await;
    String::from_utf8_lossy(&answer).into_owned() + " "
}

#[tokio::test]
async fn a_third_import_waits_until_one_has_ended() {
    for (_, app) in each_backend().await {
        let login = &app.inner.login;
        let job = |id: &str| Job::new(JobId::new(id), JobKind::UsersImport, app.clock.now());
        let one = login.begin_upload(job("job_one")).await.unwrap();
        let _two = login.begin_upload(job("job_two")).await.unwrap();
        let id = database(&app).await;
        let parts = [("users", "[]"), ("connection_id", id.as_str())];
        let answer = send_parts(&app, &parts).await;
        assert_eq!(refused(&answer).0, 429);
        assert_eq!(
            answer.text_of("message"),
            "There are 2 active import users jobs, please wait until some of them are finished and try again"
        );
        assert_eq!(get(&app, "/jobs/job_one").await.status, 404, "it is no job yet");
        one.discard().await.unwrap();
        let fourth = send_parts(&app, &parts).await;
        assert_eq!(fourth.status, 202, "{}", fourth.text);
        ended(&app, &fourth.json()).await;
        app.clock.advance_seconds(600);
        let _third = login.begin_upload(job("job_three")).await.unwrap();
        assert_ne!(send_parts(&app, &parts).await.status, 429, "the other one has broken off");
    }
}
