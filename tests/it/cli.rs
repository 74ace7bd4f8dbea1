//! The binary itself: starting, refusing to start, stopping, and what it writes to its log.

use std::{
    fs::File,
    io::{Read, Seek, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
    time::Duration,
};

use reqwest::header;
use serde_json::Value;
use sqlx::Connection;

use crate::support::{browser::hidden_state, postgres};

fn doorward(arguments: &[&str], data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(arguments).env_clear().env("DOORWARD_DATA_DIR", data_dir);
    command
}

fn refusal(output: &Output) -> String {
    assert!(!output.status.success());
    let text = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(text.lines().count(), 1, "one line: {text}");
    text
}

/// A running server with what it prints. Into files: a pipe that nobody empties would make the
/// server wait as soon as it is full.
struct Running {
    child: std::process::Child,
    printed: [File; 2],
    issuer: String,
}

impl Running {
    async fn start(mut command: Command) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let issuer = format!("http://127.0.0.1:{port}/");
        command.env("DOORWARD_LISTEN", format!("127.0.0.1:{port}")).env("DOORWARD_ISSUER", &issuer);
        let printed = [(); 2].map(|()| tempfile::tempfile().unwrap());
        let [stdout, stderr] = printed.each_ref().map(|file| file.try_clone().unwrap());
        let child = command.stdout(stdout).stderr(stderr).spawn().unwrap();
        let mut running = Self { child, printed, issuer };
        for _ in 0..600 {
            let ready = reqwest::get(format!("{}health/ready", running.issuer)).await;
            if ready.is_ok_and(|answer| answer.status().is_success()) {
                return running;
            }
            assert!(running.child.try_wait().unwrap().is_none(), "it ended");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("not ready within half a minute");
    }

    /// SIGTERM, then standard output and log.
    fn stop(mut self) -> (String, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let status = self.child.wait().unwrap();
        let [stdout, stderr] = self.printed.map(|mut file| {
            file.rewind().unwrap();
            std::io::read_to_string(file).unwrap()
        });
        assert!(status.success(), "{stderr}");
        (stdout, stderr)
    }
}

#[test]
fn it_refuses_to_start_with_a_mistake_and_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("doorward.toml");
    std::fs::write(&file, "[server]\nlisten_on = \"x\"\n").unwrap();
    let path = file.display().to_string();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = doorward(arguments, folder.path());
        refusal(&command.envs(variables.iter().copied()).output().unwrap())
    };
    for command in ["serve", "check-config", "quickstart", "migrate"] {
        let text = run(&[command, "--config", &path], &[]);
        assert!(text.contains("listen_on") && text.contains(&path), "{command}: {text}");
    }
    assert!(run(&["serve", "--config", "/nowhere"], &[]).contains("/nowhere"));
    let text = run(&["serve"], &[("DOORWARD_DATABASE_URL", "mysql://x")]);
    assert!(text.contains("sqlite:PATH or postgres://"), "{text}");
    let text = run(&["serve"], &[("DOORWARD_MASTER_KEY", "short")]);
    assert!(text.contains("DOORWARD_MASTER_KEY") && !text.contains("short"), "{text}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    assert!(run(&["serve"], &[("DOORWARD_LISTEN", &address)]).contains(&address));
    assert!(run(&["healthcheck"], &[("DOORWARD_LISTEN", "127.0.0.1:1")]).contains("127.0.0.1:1"));
}

#[tokio::test]
async fn postgres_needs_a_master_key_and_a_migrated_schema() {
    let Some(url) = postgres::fresh_schema().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let key = "00".repeat(32);
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = doorward(arguments, folder.path());
        command.env("DOORWARD_DATABASE_URL", &url).env("DOORWARD_LISTEN", "127.0.0.1:0");
        command.envs(variables.iter().copied()).output().unwrap()
    };
    let text = refusal(&run(&["serve"], &[("DOORWARD_MASTER_KEY", &key)]));
    assert!(text.contains("doorward migrate"), "{text}");
    assert!(run(&["migrate"], &[]).status.success());
    let text = refusal(&run(&["serve"], &[]));
    assert!(text.contains("master_key.file") && !text.contains(&url), "{text}");

    // With the schema and a key it runs; with another key than the database knows it does not.
    let mut command = doorward(&["serve"], folder.path());
    command.env("DOORWARD_DATABASE_URL", &url).env("DOORWARD_MASTER_KEY", &key);
    Running::start(command).await.stop();
    let other = "11".repeat(32);
    let text = refusal(&run(&["serve"], &[("DOORWARD_MASTER_KEY", &other)]));
    assert!(text.contains("another master key"), "{text}");
}

#[tokio::test]
async fn the_quickstart_keeps_its_credentials_and_its_secrets_to_itself() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    let first = Running::start(doorward(&["quickstart"], &data_dir)).await;
    let (welcome, _) = first.stop();
    let second = Running::start(doorward(&["quickstart"], &data_dir)).await;
    let (again, _) = second.stop();
    let line = |text: &str, name: &str| {
        let found = text.lines().find(|line| line.trim_start().starts_with(name));
        found.unwrap_or_else(|| panic!("no {name} in {text}")).to_owned()
    };
    for name in ["Log in as", "Password", "client_id", "client_secret"] {
        assert_eq!(line(&welcome, name), line(&again, name));
    }
    for file in ["master.key", "quickstart.json"] {
        let mode = std::fs::metadata(data_dir.join(file)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let mode = std::fs::metadata(&data_dir).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "the data directory");
}

#[tokio::test]
async fn explain_prints_what_an_exchange_would_give() {
    let folder = tempfile::tempdir().unwrap();
    Running::start(doorward(&["quickstart"], folder.path())).await.stop();
    let text = std::fs::read_to_string(folder.path().join("quickstart.json")).unwrap();
    let seeded: Value = serde_json::from_str(&text).unwrap();
    let client = seeded["demo_client_id"].as_str().unwrap();
    let database = format!("sqlite:{}", folder.path().join("doorward.db").display());
    let mut connection = sqlx::SqliteConnection::connect(&database).await.unwrap();
    let find = "SELECT user_id FROM user_account";
    let (user,): (String,) = sqlx::query_as(find).fetch_one(&mut connection).await.unwrap();
    let run = |more: &[&str]| {
        let arguments = [&["explain", "--client", client, "--user", &user], more].concat();
        doorward(&arguments, folder.path()).output().unwrap()
    };
    let supposed = [
        "--login-audience",
        "https://orders.example/",
        "--login-scope",
        "openid read:orders",
        "--audience",
        "https://billing.example/",
    ];
    let output = run(&supposed);
    assert!(output.status.success(), "{output:?}");
    let explained: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(explained["allowed"], true, "{explained}");
    assert_eq!(explained["result"]["scope"], "openid read:invoices pay:invoices", "{explained}");
    assert!(refusal(&run(&[])).contains("refresh token does not exist"));
}

#[tokio::test]
async fn the_log_has_no_secret_token_code_cookie_or_address() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = doorward(&["quickstart"], folder.path());
    command.env("DOORWARD_LOG", "debug");
    let server = Running::start(command).await;
    let text = std::fs::read_to_string(folder.path().join("quickstart.json")).unwrap();
    let seeded: Value = serde_json::from_str(&text).unwrap();
    let member = |value: &Value, name: &str| value[name].as_str().unwrap().to_owned();
    let (email, password) = (member(&seeded["user"], "email"), member(&seeded["user"], "password"));
    let client_id = member(&seeded, "demo_client_id");
    let (issuer, verifier) = (server.issuer.clone(), "v".repeat(43));
    let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
    let http = http.build().unwrap();
    let mut secrets = vec![email.clone(), password.clone()];

    // A wrong login, a right one, the exchange and a refresh.
    let mut url = url::Url::parse(&format!("{issuer}authorize")).unwrap();
    let challenge = doorward::crypto::digest::s256_challenge(&verifier);
    url.query_pairs_mut().extend_pairs([
        ("client_id", client_id.as_str()),
        ("response_type", "code"),
        ("scope", "openid offline_access"),
        ("login_hint", &email),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
    ]);
    let begun = http.get(url).send().await.unwrap();
    let mut cookies = cookie(&begun);
    let page = format!("{}{}", issuer.trim_end_matches('/'), location(&begun));
    let page = http.get(page).header(header::COOKIE, &cookies).send().await.unwrap();
    let state = hidden_state(&page.text().await.unwrap());
    let log_in = |password: &str| {
        let form = [("state", state.as_str()), ("username", &email), ("password", password)];
        http.post(format!("{issuer}u/login")).header(header::COOKIE, &cookies).form(&form)
    };
    log_in("a wrong password").send().await.unwrap();
    let landed = log_in(&password).send().await.unwrap();
    secrets.extend(["a wrong password".to_owned(), state.clone()]);
    let session = cookie(&landed);
    secrets.push(session.split_once('=').unwrap().1.to_owned());
    cookies = format!("{cookies}; {session}");
    let resume = format!("{}{}", issuer.trim_end_matches('/'), location(&landed));
    let back = http.get(resume).header(header::COOKIE, &cookies).send().await.unwrap();
    let back = url::Url::parse(&location(&back)).unwrap();
    let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
    let exchange = [
        ("grant_type", "authorization_code"),
        ("client_id", &client_id),
        ("code", &code),
        ("code_verifier", &verifier),
    ];
    let answer = http.post(format!("{issuer}oauth/token")).form(&exchange).send().await.unwrap();
    let answer: Value = answer.json().await.unwrap();
    let tokens = ["access_token", "id_token", "refresh_token"].map(|name| member(&answer, name));
    let form =
        [("grant_type", "refresh_token"), ("client_id", &client_id), ("refresh_token", &tokens[2])];
    let refreshed = http.post(format!("{issuer}oauth/token")).form(&form).send().await.unwrap();
    assert_eq!(refreshed.status(), 200);
    let management = &seeded["management"];
    let (id, secret) = (member(management, "client_id"), member(management, "client_secret"));
    let form = [("grant_type", "client_credentials"), ("audience", &format!("{issuer}api/v2/"))];
    let request = http.post(format!("{issuer}oauth/token")).form(&form);
    assert_eq!(request.basic_auth(id, Some(&secret)).send().await.unwrap().status(), 200);
    secrets.extend(tokens);
    secrets.extend([code, verifier, secret]);

    let (_, log) = server.stop();
    assert!(log.contains("/oauth/token 200"), "the requests are there: {log}");
    assert!(log.contains("audit"), "the audit stream is there");
    for secret in secrets {
        assert!(!log.contains(&secret), "{secret} is in the log:\n{log}");
    }
}

fn cookie(response: &reqwest::Response) -> String {
    let cookie = response.headers()[header::SET_COOKIE].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}

fn location(response: &reqwest::Response) -> String {
    response.headers()[header::LOCATION].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_request_in_flight_is_answered_before_the_server_stops() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(doorward(&["quickstart"], folder.path())).await;
    let text = std::fs::read_to_string(folder.path().join("quickstart.json")).unwrap();
    let seeded: Value = serde_json::from_str(&text).unwrap();
    let issuer = server.issuer.clone();
    let form = format!(
        "grant_type=client_credentials&client_id={}&client_secret={}&audience={issuer}api/v2/",
        seeded["management"]["client_id"].as_str().unwrap(),
        seeded["management"]["client_secret"].as_str().unwrap(),
    );
    let (half, rest) = form.split_at(form.len() / 2);
    let address = issuer.trim_start_matches("http://").trim_end_matches('/');
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /oauth/token HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{half}",
        form.len()
    )
    .unwrap();
    // Long enough for the server to have begun to read it.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let stopped = tokio::task::spawn_blocking(|| server.stop());
    tokio::time::sleep(Duration::from_millis(300)).await;
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let (_, log) = stopped.await.unwrap();
    assert!(log.contains("stopping"), "{log}");
    assert!(reqwest::get(&issuer).await.is_err(), "nobody listens any more");
}

/// Runs `doorward admin` and returns what it prints.
fn admin(arguments: &[&str], data_dir: &Path, password: Option<&str>) -> Output {
    let arguments = [&["admin"], arguments].concat();
    let mut command = doorward(&arguments, data_dir);
    command.env("DOORWARD_ISSUER", "https://login.example.com/");
    command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
    let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    // Who asks for no password may have ended already.
    let _ = input.write_all(password.unwrap_or_default().as_bytes());
    drop(input);
    child.wait_with_output().unwrap()
}

/// What stands behind a word on a line of its own.
fn told(output: &Output, name: &str) -> String {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    let found = text.lines().find_map(|line| line.strip_prefix(name));
    found.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
}

#[test]
fn administrators_are_made_on_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], password| admin(arguments, folder.path(), password);
    assert!(told(&run(&["list"], None), "Nobody").contains("doorward admin create"));

    let first = run(&["create", "--email", "Ada@Example.com ", "--name", "Ada Lovelace"], None);
    assert_eq!(told(&first, "Console"), "https://login.example.com/admin/");
    assert_eq!(told(&first, "Log in as"), "ada@example.com");
    assert_eq!(told(&first, "Role"), "Doorward Administrator");
    let password = told(&first, "Password");
    assert!(password.len() >= 20, "{password}");

    // Again: nothing new, unless a new password is asked for.
    let again = run(&["create", "--email", "ada@example.com"], None);
    assert_eq!(told(&again, "Password"), "unchanged");
    let reset = run(&["create", "--email", "ada@example.com", "--reset-password"], None);
    assert_ne!(told(&reset, "Password"), password);

    let given = ["create", "--email", "vera@example.com", "--viewer", "--password-stdin"];
    let viewer = run(&given, Some("correct horse battery staple\n"));
    assert_eq!(told(&viewer, "Password"), "as given");
    assert_eq!(told(&viewer, "Role"), "Doorward Viewer");
    let taken = refusal(&run(&given, Some("another horse battery staple")));
    assert!(taken.contains("--reset-password"), "{taken}");

    let listed = String::from_utf8(run(&["list"], None).stdout).unwrap();
    assert_eq!(listed.lines().count(), 2, "{listed}");
    let line = |email: &str| listed.lines().find(|line| line.starts_with(email)).unwrap();
    assert!(line("ada@example.com").contains("Doorward Administrator"), "{listed}");
    assert!(line("vera@example.com").contains("Doorward Viewer"), "{listed}");
}

#[test]
fn an_administrator_is_not_made_of_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], password| refusal(&admin(arguments, folder.path(), password));
    assert!(run(&["create", "--email", "ada"], None).contains("no e-mail address"));
    for (password, why) in [
        ("short", "8 characters"),
        ("password", "easy to guess"),
        ("ada@example.com", "name or address"),
        (&"x".repeat(3000), "too long"),
        ("", "8 characters"),
    ] {
        let arguments = ["create", "--email", "ada@example.com", "--password-stdin"];
        let text = run(&arguments, Some(password));
        assert!(text.contains(why) && !text.contains("doorward admin"), "{text}");
    }
    let listed = admin(&["list"], folder.path(), None);
    assert!(told(&listed, "Nobody").contains("create"), "nobody was made");
}

#[tokio::test]
async fn an_administrator_who_is_made_while_the_server_runs_gets_in() {
    let mut backends = vec![None];
    backends.extend(postgres::fresh_schema().await.map(Some));
    for url in backends {
        let folder = tempfile::tempdir().unwrap();
        let key = "00".repeat(32);
        let with_database = |mut command: Command| {
            if let Some(url) = &url {
                command.env("DOORWARD_DATABASE_URL", url).env("DOORWARD_MASTER_KEY", &key);
            }
            command
        };
        let server =
            Running::start(with_database(doorward(&["serve", "--migrate"], folder.path()))).await;
        let arguments = ["admin", "create", "--email", "ada@example.com"];
        let mut command = with_database(doorward(&arguments, folder.path()));
        let output = command.env("DOORWARD_ISSUER", &server.issuer).output().unwrap();
        let password = told(&output, "Password");
        let callback = format!("{}admin/callback", server.issuer);

        let http = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none());
        let http = http.build().unwrap();
        let mut address = url::Url::parse(&format!("{}authorize", server.issuer)).unwrap();
        let (audience, challenge) = (
            format!("{}api/v2/", server.issuer),
            doorward::crypto::digest::s256_challenge(&"v".repeat(43)),
        );
        address.query_pairs_mut().extend_pairs([
            ("client_id", "doorward-console"),
            ("response_type", "code"),
            ("redirect_uri", &callback),
            ("scope", "read:clients"),
            ("audience", &audience),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let begun = http.get(address).send().await.unwrap();
        let cookies = cookie(&begun);
        let page = format!("{}{}", server.issuer.trim_end_matches('/'), location(&begun));
        let page = http.get(page).header(header::COOKIE, &cookies).send().await.unwrap();
        let state = hidden_state(&page.text().await.unwrap());
        let form =
            [("state", state.as_str()), ("username", "ada@example.com"), ("password", &password)];
        let login = http.post(format!("{}u/login", server.issuer)).form(&form);
        let landed = login.header(header::COOKIE, &cookies).send().await.unwrap();
        let session = format!("{cookies}; {}", cookie(&landed));
        let resume = format!("{}{}", server.issuer.trim_end_matches('/'), location(&landed));
        let back = http.get(resume).header(header::COOKIE, session).send().await.unwrap();
        let back = url::Url::parse(&location(&back)).unwrap();
        assert!(back.as_str().starts_with(&callback), "{back}");
        assert!(back.query_pairs().any(|(name, _)| name == "code"), "{back}");
        server.stop();
    }
}

#[tokio::test]
async fn the_quickstart_has_an_administrator_and_completes_an_older_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("quickstart.json");
    let first = Running::start(doorward(&["quickstart"], folder.path())).await;
    let issuer = first.issuer.clone();
    let (welcome, _) = first.stop();
    let read =
        || -> Value { serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap() };
    let mut seeded = read();
    let administrator = seeded["administrator"].clone();
    assert_eq!(administrator["email"], "admin@example.com");
    assert!(administrator["password"].as_str().unwrap().len() >= 16);
    for line in [format!("{issuer}admin/"), "admin@example.com".to_owned()] {
        assert!(welcome.contains(&line), "{line}: {welcome}");
    }
    assert!(welcome.contains(administrator["password"].as_str().unwrap()), "{welcome}");

    seeded.as_object_mut().unwrap().remove("administrator");
    std::fs::write(&path, seeded.to_string()).unwrap();
    // As it was before there was an administrator.
    std::fs::remove_file(folder.path().join("doorward.db")).unwrap();
    for suffix in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(folder.path().join(format!("doorward.db{suffix}")));
    }
    Running::start(doorward(&["quickstart"], folder.path())).await.stop();
    let completed = read();
    assert_eq!(completed["administrator"]["email"], "admin@example.com");
    assert_eq!(completed["user"], seeded["user"], "the rest stays");
    let viewer = admin(&["create", "--email", "v@example.com", "--viewer"], folder.path(), None);
    assert_eq!(told(&viewer, "Role"), "Doorward Viewer");
    // At another address, too.
    let listed = admin(&["list"], folder.path(), None);
    assert!(told(&listed, "admin@example.com").contains("Doorward Administrator"), "{listed:?}");
}
