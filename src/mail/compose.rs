//! Writes a message as it travels (RFC 5322): plain text and HTML as alternatives.

use std::time::{Duration, SystemTime};

use lettre::{
    Address,
    message::{Mailbox, MultiPart, SinglePart, header::ContentType},
};

use crate::domain::{entropy::Entropy, time::Timestamp};
use crate::mail::Message;

/// The longest address (RFC 5321 §4.5.3.1.3, without the brackets) in bytes.
const LONGEST_ADDRESS: usize = 254;
/// The longest subject in characters.
const LONGEST_SUBJECT: usize = 200;

/// The message as it travels, with its envelope.
///
/// # Errors
/// What is wrong with it, without quoting it.
pub fn compose(
    from: &Mailbox,
    message: &Message,
    now: Timestamp,
    entropy: &dyn Entropy,
) -> Result<lettre::Message, &'static str> {
    let to = address(&message.to)?;
    let since = Duration::from_millis(u64::try_from(now.millis()).unwrap_or(0));
    let id = format!("<{}@{}>", entropy.lower_hex(32), from.email.domain());
    let body = MultiPart::alternative()
        .boundary(entropy.alphanumeric(32))
        .singlepart(part(ContentType::TEXT_PLAIN, &message.text))
        .singlepart(part(ContentType::TEXT_HTML, &message.html));
    lettre::Message::builder()
        .from(from.clone())
        .to(Mailbox::new(None, to))
        .subject(one_line(&message.subject))
        .date(SystemTime::UNIX_EPOCH + since)
        .message_id(Some(id))
        .multipart(body)
        .map_err(|_| "the mail library refused it")
}

/// An address on its own: what follows a line break or a comma makes it invalid instead of becoming
/// a header or another recipient.
///
/// # Errors
/// What is wrong with it.
pub fn address(text: &str) -> Result<Address, &'static str> {
    if text.len() > LONGEST_ADDRESS {
        return Err("the address is too long");
    }
    text.parse().map_err(|_| "the address is not one")
}

fn part(content_type: ContentType, text: &str) -> SinglePart {
    SinglePart::builder().header(content_type).body(text.to_owned())
}

/// A line break in a header would begin another one.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .take(LONGEST_SUBJECT)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Zero;

    impl Entropy for Zero {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0);
        }
    }

    fn composed(to: &str, subject: &str) -> Result<String, &'static str> {
        let message = Message {
            to: to.to_owned(),
            subject: subject.to_owned(),
            text: "Hello".to_owned(),
            html: "<p>こんにちは</p>".to_owned(),
        };
        let from: Mailbox = "Doorward <doorward@localhost>".parse().unwrap();
        let at = Timestamp::from_millis(1_672_131_402_856);
        compose(&from, &message, at, &Zero)
            .map(|message| String::from_utf8(message.formatted()).unwrap())
    }

    #[test]
    fn both_kinds_of_text_travel_together() {
        let text = composed("ada@example.com", "パスワード").unwrap();
        for part in [
            "From: Doorward <doorward@localhost>\r\n",
            "To: ada@example.com\r\n",
            "Subject: =?utf-8?b?",
            "Date: Tue, 27 Dec 2022 08:56:42 +0000\r\n",
            "multipart/alternative",
            "text/plain; charset=utf-8",
            "text/html; charset=utf-8",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
    }

    #[test]
    fn no_header_and_no_recipient_can_be_smuggled_in() {
        for to in [
            "ada@example.com\r\nBcc: eve@example.com",
            "ada@example.com\nBcc: eve@example.com",
            "ada@example.com, eve@example.com",
            "ada@example.com;eve@example.com",
            "Ada <ada@example.com>",
            "<ada@example.com>",
            "ada@example.com>\r\nRCPT TO:<eve@example.com",
            "ada\r\n@example.com",
            "ada",
            "",
        ] {
            assert!(composed(to, "Subject").is_err(), "{to:?}");
        }
        assert!(composed(&format!("{}@example.com", "a".repeat(260)), "x").is_err());
        for subject in ["x\r\nBcc: eve@example.com", "x\nBcc: e@e.example", "é\r\nBcc: e@e.example"]
        {
            let text = composed("ada@example.com", subject).unwrap();
            let headers = text.split_once("\r\n\r\n").unwrap().0;
            let bcc = headers.lines().any(|line| line.to_lowercase().starts_with("bcc"));
            assert!(!bcc, "{headers}");
        }
    }
}
