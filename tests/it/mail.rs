//! Mail as it leaves: into the outbox, or to a mail server.

use std::{path::Path, sync::Arc};

use doorward::{
    crypto::random::SystemEntropy,
    domain::{secret::SmtpUrl, time::SystemClock},
    mail::{Mailer, Message, Options},
};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::{TcpListener, TcpStream},
};

use crate::support::mail::Mail;

fn mailer(smtp_url: &str, outbox: &Path) -> Mailer {
    let options = Options {
        from: "Doorward <doorward@example.com>".to_owned(),
        smtp_url: SmtpUrl::new(smtp_url),
        outbox: outbox.to_owned(),
    };
    Mailer::start(&options, Arc::new(SystemClock), Arc::new(SystemEntropy)).unwrap()
}

fn message(to: &str) -> Message {
    Message {
        to: to.to_owned(),
        subject: "ご確認ください".to_owned(),
        text: "リンク: https://auth.example/u/x?ticket=abc=".to_owned(),
        html: "<p>リンク</p>".to_owned(),
    }
}

#[tokio::test]
async fn without_a_mail_server_each_message_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let mailer = mailer("", folder.path());
    for to in ["ada@example.com", "no address", "eve@example.com\r\nBcc: x@example.com"] {
        mailer.send(message(to)).await;
    }
    mailer.flush().await;
    let files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(files.len(), 1, "what is no address is no message");
    let raw = std::fs::read_to_string(files[0].as_ref().unwrap().path()).unwrap();
    let mail = Mail::read(&raw);
    assert_eq!((mail.to.as_str(), mail.subject.as_str()), ("ada@example.com", "ご確認ください"));
    assert_eq!(mail.link(), "https://auth.example/u/x?ticket=abc=");
    assert!(mail.html.contains("<p>リンク</p>"));
}

#[tokio::test]
async fn a_mail_server_is_given_each_message_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let serving =
        tokio::spawn(async move { serve(listener.accept().await.unwrap().0, "250 fine").await });
    let folder = tempfile::tempdir().unwrap();
    let mailer = mailer(&url, folder.path());
    mailer.send(message("ada@example.com")).await;
    mailer.flush().await;
    drop(mailer);
    let heard = serving.await.unwrap();
    let mails = heard.iter().filter(|line| *line == "RCPT TO:<ada@example.com>").count();
    assert_eq!(mails, 1, "{heard:#?}");
    assert!(heard.contains(&"MAIL FROM:<doorward@example.com>".to_owned()), "{heard:#?}");
    assert!(std::fs::read_dir(folder.path()).unwrap().next().is_none(), "no file");
}

#[tokio::test]
async fn what_a_mail_server_refuses_for_good_is_not_sent_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("smtp://{}", listener.local_addr().unwrap());
    let refusal = "550 5.1.1 <ada@example.com> nobody of that name";
    let serving =
        tokio::spawn(async move { serve(listener.accept().await.unwrap().0, refusal).await });
    let folder = tempfile::tempdir().unwrap();
    let mailer = mailer(&url, folder.path());
    mailer.send(message("ada@example.com")).await;
    mailer.flush().await;
    drop(mailer);
    let heard = serving.await.unwrap();
    let attempts = heard.iter().filter(|line| line.starts_with("RCPT TO")).count();
    assert_eq!(attempts, 1, "{heard:#?}");
    assert!(!heard.contains(&"DATA".to_owned()), "{heard:#?}");
}

/// Answers a recipient like this, takes one message and says what it heard.
async fn serve(mut stream: TcpStream, to_recipient: &str) -> Vec<String> {
    let to_recipient = format!("{to_recipient}\r\n");
    let (read, mut write) = stream.split();
    let mut lines = BufReader::new(read).lines();
    let mut heard = Vec::new();
    let mut in_message = false;
    write.write_all(b"220 test\r\n").await.unwrap();
    while let Some(line) = lines.next_line().await.unwrap() {
        let answer = match line.as_str() {
            "." => {
                in_message = false;
                "250 taken\r\n"
            }
            _ if in_message => continue,
            "DATA" => {
                in_message = true;
                "354 go on\r\n"
            }
            recipient if recipient.starts_with("RCPT") => &to_recipient,
            "QUIT" => "221 bye\r\n",
            _ => "250 fine\r\n",
        };
        heard.push(line);
        write.write_all(answer.as_bytes()).await.unwrap();
        if answer.starts_with("250 taken") {
            break;
        }
    }
    heard
}
