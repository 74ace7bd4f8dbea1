//! Password hashing: argon2id (RFC 9106) with m = 19,456 KiB, t = 2, p = 1, on a bounded pool of
//! blocking threads, so that a flood of logins neither stalls the async threads nor eats memory.

use std::sync::Arc;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use tokio::sync::Semaphore;

use crate::domain::{entropy::Entropy, secret::Password};

/// Too many hashes are waiting. The caller answers 503 with `Retry-After`.
#[derive(Debug, thiserror::Error)]
#[error("too many password hashes are waiting")]
pub struct Overloaded;

/// Hashes and verifies passwords.
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// Verified in place of a hash that does not exist, so that unknown users cost the same time.
    decoy: Arc<str>,
}

impl Passwords {
    /// The longest password, in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// `parallel` hashes run at once, each taking 19 MiB; at most `queue` more wait.
    pub fn new(parallel: usize, queue: usize, entropy: &dyn Entropy) -> Self {
        let decoy = hash_blocking("decoy", &entropy.bytes());
        Self {
            running: Arc::new(Semaphore::new(parallel)),
            waiting: Arc::new(Semaphore::new(parallel + queue)),
            decoy: decoy.into(),
        }
    }

    /// The PHC string of a password.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn hash(
        &self,
        password: &Password,
        entropy: &dyn Entropy,
    ) -> Result<String, Overloaded> {
        let (password, salt) = (password.clone(), entropy.bytes::<16>());
        self.run(move || hash_blocking(password.expose(), &salt)).await
    }

    /// Whether the password belongs to the PHC string. With `None` it takes as long and is `false`.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn verify(&self, password: &Password, phc: Option<&str>) -> Result<bool, Overloaded> {
        let exists = phc.is_some();
        let phc: Arc<str> = phc.map_or_else(|| Arc::clone(&self.decoy), Into::into);
        let password = password.clone();
        let matches = self.run(move || verify_blocking(password.expose(), &phc)).await?;
        Ok(matches && exists)
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let _place = self.waiting.try_acquire().map_err(|_| Overloaded)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Overloaded)?;
        // The permit moves into the work: a caller who goes away does not free the thread.
        let work = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(permit);
            result
        });
        work.await.map_err(|_| Overloaded)
    }
}

fn hash_blocking(password: &str, salt: &[u8; 16]) -> String {
    // The defaults of the crate are m = 19,456 KiB, t = 2, p = 1; a test pins them.
    Argon2::default()
        .hash_password_with_salt(password.as_bytes(), salt)
        .expect("argon2 takes any password and a 16-byte salt")
        .to_string()
}

fn verify_blocking(password: &str, phc: &str) -> bool {
    PasswordHash::new(phc)
        .is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::random::SystemEntropy;

    #[tokio::test]
    async fn only_the_right_password_verifies() {
        let passwords = Passwords::new(1, 8, &SystemEntropy);
        let right = Password::new("correct horse");
        let phc = passwords.hash(&right, &SystemEntropy).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(passwords.verify(&right, Some(&phc)).await.unwrap());
        assert!(!passwords.verify(&Password::new("wrong"), Some(&phc)).await.unwrap());
        assert!(!passwords.verify(&Password::new("decoy"), None).await.unwrap());
        assert!(!passwords.verify(&right, Some("rubbish")).await.unwrap());
    }

    #[tokio::test]
    async fn a_flood_is_refused() {
        let passwords = Passwords::new(1, 1, &SystemEntropy);
        let password = Password::new("x");
        let one = || passwords.verify(&password, None);
        let (a, b, c) = tokio::join!(one(), one(), one());
        let refused = [a, b, c].iter().filter(|r| r.is_err()).count();
        assert_eq!(refused, 1, "one runs, one waits, one is refused");
    }
}
