//! Randomness of the operating system.

use rand::TryRng;

use crate::domain::entropy::Entropy;

/// The operating system's generator.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // Going on without randomness would hand out guessable secrets.
        rand::rngs::SysRng.try_fill_bytes(bytes).expect("the operating system has no randomness");
    }
}
