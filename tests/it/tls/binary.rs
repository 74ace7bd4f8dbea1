//! The binary with TLS: flags and variables, what it refuses, and what it leaves in its directory.

use std::{
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Child, Command, Output, Stdio},
    time::Duration,
};

use reqwest::tls;

use super::Files;

fn doorward(arguments: &[&str], data_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_doorward"));
    command.args(arguments).env_clear().env("DOORWARD_DATA_DIR", data_dir);
    command
}

/// The binary, killed at the latest when the test ends.
struct Running {
    child: Child,
    listen: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    /// Started and found ready by `doorward healthcheck`.
    fn start(arguments: &[&str], data_dir: &Path, variables: &[(&str, &str)]) -> Self {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let listen = format!("127.0.0.1:{port}");
        let mut command = doorward(arguments, data_dir);
        command.env("DOORWARD_LISTEN", &listen).envs(variables.iter().copied());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut running = Self { child, listen };
        for _ in 0..600 {
            if running.healthcheck("self-signed").status.success() {
                return running;
            }
            assert!(running.child.try_wait().unwrap().is_none(), "it ended");
            std::thread::sleep(Duration::from_millis(50));
        }
        panic!("not ready within half a minute");
    }

    fn healthcheck(&self, tls: &str) -> Output {
        let mut command = doorward(&["healthcheck"], Path::new("/nowhere"));
        command.env("DOORWARD_LISTEN", &self.listen).env("DOORWARD_TLS", tls).output().unwrap()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }

    /// SIGTERM, then standard output.
    fn stop(mut self) -> String {
        use std::io::Read;
        self.signal("-TERM");
        assert!(self.child.wait().unwrap().success());
        let mut text = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
        text
    }

    fn client(&self, ca: &str) -> reqwest::Client {
        let ca = tls::Certificate::from_pem(ca.as_bytes()).unwrap();
        let address = self.listen.parse().unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]);
        let client = client.redirect(reqwest::redirect::Policy::none());
        client.resolve(super::HOST, address).build().unwrap()
    }
}

#[tokio::test]
async fn the_quickstart_keeps_its_ca_and_serves_its_demo_over_https() {
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let server = Running::start(&["quickstart", "--tls", "self-signed"], folder.path(), &[]);
    let port = server.listen.split_once(':').unwrap().1;
    let demo = format!("https://localhost:{port}/demo/");
    let answer = server.client(&read("ca.pem")).get(&demo).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!server.healthcheck("off").status.success(), "plain HTTP is not answered");
    let mut asked = doorward(&["healthcheck", "--tls", "self-signed"], Path::new("/nowhere"));
    assert!(asked.env("DOORWARD_LISTEN", &server.listen).output().unwrap().status.success());
    let welcome = server.stop();
    assert!(welcome.contains(&demo), "{welcome}");
    let ca = folder.path().join("ca.pem").canonicalize().unwrap();
    assert!(welcome.contains(&ca.display().to_string()), "{welcome}");
    for (file, mode) in [("ca.key", 0o600), ("ca.pem", 0o644)] {
        let found = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "{file}");
    }

    // The second time with the variable, and elsewhere: the demo may log in from there too. What trusted the first one trusts it too.
    let before = [read("ca.key"), read("ca.pem")];
    let server = Running::start(&["quickstart"], folder.path(), &[("DOORWARD_TLS", "self-signed")]);
    assert_eq!([read("ca.key"), read("ca.pem")], before);
    let url = format!("https://{}/health/ready", server.listen);
    let answer = server.client(&before[1]).get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let seeded: serde_json::Value = serde_json::from_str(&read("quickstart.json")).unwrap();
    let client_id = seeded["demo_client_id"].as_str().unwrap();
    let client = server.client(&before[1]);
    for (callback, status) in
        [(seeded["demo_url"].as_str().unwrap(), 302), (&demo, 302), ("x", 400)]
    {
        let mut url = url::Url::parse(&format!("https://{}/authorize", server.listen)).unwrap();
        url.query_pairs_mut().extend_pairs([
            ("client_id", client_id),
            ("response_type", "code"),
            ("redirect_uri", callback),
            ("code_challenge", &"x".repeat(43)),
            ("code_challenge_method", "S256"),
        ]);
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), status, "{callback}");
    }
}

#[tokio::test]
async fn sighup_and_a_changed_file_bring_a_new_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let flags = ["serve", "--tls-cert", &path("cert.pem"), "--tls-key", &path("key.pem")];
    let issuer = format!("https://{}/", super::HOST);
    // The flags win over the variable.
    let variables = [("DOORWARD_ISSUER", issuer.as_str()), ("DOORWARD_TLS", "self-signed")];
    let server = Running::start(&flags, folder.path(), &variables);
    let port = server.listen.split_once(':').unwrap().1;
    let url = format!("https://{}:{port}/health/live", super::HOST);
    let is_trusted = async |ca: &str| server.client(ca).get(&url).send().await.is_ok();
    assert!(is_trusted(&files.ca()).await);

    for signal in [true, false] {
        let other = Files::write(folder.path());
        if signal {
            server.signal("-HUP");
        }
        let mut tries = 0;
        while !is_trusted(&other.ca()).await {
            tries += 1;
            assert!(tries < 600, "not shown within half a minute");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

#[test]
fn it_refuses_to_start_with_bad_tls_and_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let files = Files::write(folder.path());
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (cert, key) = (path("cert.pem"), path("key.pem"));
    std::fs::copy(&key, path("old.pem")).unwrap();
    files.renew(folder.path());
    std::fs::write(path("empty.pem"), "").unwrap();
    let run = |arguments: &[&str], variables: &[(&str, &str)]| {
        let mut command = doorward(arguments, folder.path());
        command.env("DOORWARD_LISTEN", "127.0.0.1:0").env("DOORWARD_ISSUER", "https://id.test/");
        let output = command.envs(variables.iter().copied()).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let variables = |cert: &str, key: &str| {
        let variables = [("DOORWARD_TLS_CERT", cert), ("DOORWARD_TLS_KEY", key)];
        let [serve, check] = ["serve", "check-config"].map(|command| run(&[command], &variables));
        assert_eq!(serve, check);
        assert_eq!(serve.lines().count(), 1, "one line: {serve}");
        serve
    };
    assert!(variables("/nowhere.pem", &key).contains("cannot read /nowhere.pem"));
    assert!(variables(&cert, "/nowhere.pem").contains("cannot read /nowhere.pem"));
    assert!(variables(&path("empty.pem"), &key).contains("empty.pem: no certificate in PEM"));
    assert!(variables(&key, &key).contains("key.pem: no certificate in PEM"));
    assert!(variables(&cert, &cert).contains("cert.pem: no private key in PEM"));
    let text = variables(&cert, &path("old.pem"));
    assert!(text.contains("old.pem: the key does not fit the certificate in"), "{text}");
    assert!(run(&["serve"], &[("DOORWARD_TLS_CERT", &cert)]).contains("tls.key: missing"));
    assert!(run(&["serve"], &[("DOORWARD_TLS", "on")]).contains("DOORWARD_TLS"));
    let http = [("DOORWARD_TLS", "self-signed"), ("DOORWARD_ISSUER", "http://localhost:8484/")];
    assert!(run(&["serve"], &http).contains("server.issuer: must be https while TLS is on"));
    assert!(run(&["serve", "--tls-cert", &cert], &[]).contains("--tls-key"));
    let flags = ["check-config", "--tls-cert", "/nowhere.pem", "--tls-key", &key];
    assert!(run(&flags, &[]).contains("cannot read /nowhere.pem"));
    let both = ["serve", "--tls", "self-signed", "--tls-cert", &cert, "--tls-key", &key];
    assert!(run(&both, &[]).contains("cannot be used with"));

    std::fs::write(path("ca.key"), "nothing").unwrap();
    let text = run(&["serve", "--tls", "self-signed"], &[]);
    assert!(text.contains("ca.key") && text.contains("remove it"), "{text}");
    std::fs::remove_file(path("ca.key")).unwrap();
    std::fs::write(path("ca.key"), "").unwrap();
    let other = doorward::crypto::certificate::Authority::generate().unwrap();
    std::fs::write(path("ca.key"), other.key_pem()).unwrap();
    std::fs::write(path("ca.pem"), files.ca()).unwrap();
    let text = run(&["serve", "--tls", "self-signed"], &[]);
    assert!(text.contains("ca.pem: not the CA of ca.key"), "{text}");
}
