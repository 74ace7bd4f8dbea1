//! What a person finds in the mailbox.

use base64::{Engine, engine::general_purpose::STANDARD};

use crate::support::TestApp;

/// A message from the outbox, read.
#[derive(Debug, Clone)]
pub struct Mail {
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
}

impl TestApp {
    /// Every message so far, oldest first. Waits for those on their way.
    pub async fn mails(&self) -> Vec<Mail> {
        self.inner.login.errands.idle().await;
        self.inner.login.mailer.flush().await;
        let folder = self.data_dir.path().join("outbox");
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        paths.iter().map(|path| Mail::read(&std::fs::read_to_string(path).unwrap())).collect()
    }

    /// The messages to one address.
    pub async fn mails_to(&self, address: &str) -> Vec<Mail> {
        let mails = self.mails().await.into_iter();
        mails.filter(|mail| mail.to == address).collect()
    }
}

impl Mail {
    pub fn read(raw: &str) -> Self {
        let (headers, body) = raw.split_once("\r\n\r\n").unwrap();
        let content_type = header(headers, "Content-Type");
        let boundary = content_type.split("boundary=\"").nth(1).unwrap();
        let boundary = format!("--{}", boundary.trim_end_matches('"'));
        let parts: Vec<_> = body.split(boundary.as_str()).collect();
        let part = |kind: &str| {
            let part = parts.iter().find(|part| part.contains(kind));
            let (headers, body) = part.unwrap().split_once("\r\n\r\n").unwrap();
            decode(&header(headers, "Content-Transfer-Encoding"), body)
        };
        Self {
            to: header(headers, "To"),
            subject: subject(&header(headers, "Subject")),
            text: part("text/plain"),
            html: part("text/html"),
        }
    }

    /// The first address on this server in the text.
    pub fn link(&self) -> String {
        let at = self.text.find("http").unwrap_or_else(|| panic!("no link in {}", self.text));
        self.text[at..].split_whitespace().next().unwrap().to_owned()
    }
}

fn header(headers: &str, name: &str) -> String {
    let unfolded = headers.replace("\r\n ", " ").replace("\r\n\t", " ");
    let line = unfolded.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
    line.unwrap_or("").to_owned()
}

/// RFC 2047, as far as the server writes it.
fn subject(text: &str) -> String {
    let mut read = String::new();
    for word in text.split(' ') {
        match word.strip_prefix("=?utf-8?b?").and_then(|word| word.strip_suffix("?=")) {
            Some(word) => read += &String::from_utf8(STANDARD.decode(word).unwrap()).unwrap(),
            None => read = format!("{read}{}{word}", if read.is_empty() { "" } else { " " }),
        }
    }
    read
}

fn decode(encoding: &str, body: &str) -> String {
    let bytes = match encoding {
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        "quoted-printable" => quoted_printable(&body.replace("=\r\n", "")),
        _ => body.as_bytes().to_vec(),
    };
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

fn quoted_printable(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut read = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'=' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            let digits = std::str::from_utf8(&digits).unwrap().to_owned();
            read.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            read.push(byte);
        }
    }
    read
}
