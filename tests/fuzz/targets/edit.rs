//! What an attacker does with a token that he has seen: changes some of it.

use doorward::domain::entropy::Entropy;

/// `genuine` with a piece of it replaced. The first two bytes of `edit` say where the piece is, the
/// third how long; the rest takes its place.
pub fn edited(genuine: &str, edit: &[u8]) -> Option<String> {
    let ([high, low, length], with) = edit.split_first_chunk::<3>()?;
    let at = usize::from(u16::from_be_bytes([*high, *low])) % (genuine.len() + 1);
    let end = (at + usize::from(*length)).min(genuine.len());
    let (before, after) = (genuine.get(..at)?, genuine.get(end..)?);
    Some(format!("{before}{}{after}", std::str::from_utf8(with).ok()?))
}

/// The first line and the rest; without a line break, the rest is empty.
pub fn first_line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Randomness that a corpus can repeat: the same bytes each time.
pub struct Same(pub u8);

impl Entropy for Same {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}
