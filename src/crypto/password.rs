//! Password hashing: argon2id (RFC 9106) with m = 19,456 KiB, t = 2, p = 1, on a bounded pool of
//! blocking threads, so that a flood of logins neither stalls the async threads nor eats memory.

mod memory;

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use argon2::{
    Algorithm, Argon2, Block, Params, Version,
    password_hash::phc::{Output, ParamsString, PasswordHash, Salt},
};
use tokio::sync::Semaphore;

use self::memory::Memory;
use crate::crypto::{digest, foreign_password::ForeignPassword};
use crate::domain::{entropy::Entropy, secret::Password};

/// How many blocks of memory a hash of this server takes, of 1 KiB each.
pub(super) const BLOCKS: usize = Params::DEFAULT_M_COST as usize;

/// Too many hashes are waiting. The caller answers 503 with `Retry-After`.
#[derive(Debug, thiserror::Error)]
#[error("too many password hashes are waiting")]
pub struct Overloaded;

/// What became of a password that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Checked {
    /// It is not the one, or there is none.
    Wrong,
    /// It is the one.
    Right,
    /// It is the one, and another program hashed it: the PHC string that is to be kept instead.
    Rehashed(String),
}

/// Hashes and verifies passwords.
pub struct Passwords {
    running: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    memory: Arc<Memory>,
    /// Verified in place of a hash that does not exist, so that unknown users cost the same time.
    decoy: Arc<str>,
    computed: AtomicU64,
}

impl Passwords {
    /// The longest password, in bytes.
    pub const MAX_LENGTH: usize = 1024;

    /// `parallel` hashes run at once, each taking 19 MiB; at most `queue` more wait.
    pub fn new(parallel: usize, queue: usize, entropy: &dyn Entropy) -> Self {
        let decoy = hash("decoy", &entropy.bytes(), &mut Vec::new());
        Self {
            running: Arc::new(Semaphore::new(parallel)),
            waiting: Arc::new(Semaphore::new(parallel + queue)),
            memory: Arc::default(),
            decoy: decoy.into(),
            computed: AtomicU64::new(0),
        }
    }

    /// How many passwords were hashed or checked since the start: nearly all the time that a login
    /// takes.
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
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
        self.run(move |memory| hash(password.expose(), &salt, memory)).await
    }

    /// Whether the password belongs to the PHC string. With `None` it takes as long and is `false`.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn verify(&self, password: &Password, phc: Option<&str>) -> Result<bool, Overloaded> {
        let exists = phc.is_some();
        let phc: Arc<str> = phc.map_or_else(|| Arc::clone(&self.decoy), Into::into);
        let password = password.clone();
        let matches = self.run(move |memory| verify(password.expose(), &phc, memory)).await?;
        Ok(matches && exists)
    }

    /// Checks a password against what the store keeps: a PHC string, or a hash of another program,
    /// which costs a hash of this server beside its own, right or wrong: it takes no less time than
    /// that of somebody who does not exist.
    ///
    /// # Errors
    /// [`Overloaded`].
    pub async fn check(
        &self,
        password: &Password,
        stored: Option<&str>,
        entropy: &dyn Entropy,
    ) -> Result<Checked, Overloaded> {
        let Some(foreign) = stored.and_then(ForeignPassword::from_stored) else {
            // A hash that this release cannot read fits no password, and takes as long to say so.
            let stored = stored.filter(|stored| !ForeignPassword::is_stored(stored));
            let right = self.verify(password, stored).await?;
            return Ok(if right { Checked::Right } else { Checked::Wrong });
        };
        let (password, salt) = (password.clone(), entropy.bytes::<16>());
        self.run(move |memory| {
            let right = foreign.verify(password.expose(), memory);
            let phc = hash(password.expose(), &salt, memory);
            if right { Checked::Rehashed(phc) } else { Checked::Wrong }
        })
        .await
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Vec<Block>) -> T + Send + 'static,
    ) -> Result<T, Overloaded> {
        let _place = self.waiting.try_acquire().map_err(|_| Overloaded)?;
        let permit = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Overloaded)?;
        self.memory.free_when_idle();
        self.computed.fetch_add(1, Ordering::Relaxed);
        let memory = Arc::clone(&self.memory);
        // The permit moves into the work: a caller who goes away does not free the thread.
        let work = tokio::task::spawn_blocking(move || {
            let mut lent = memory.take();
            let result = work(&mut lent);
            memory.give_back(lent);
            drop(permit);
            result
        });
        work.await.map_err(|_| Overloaded)
    }
}

/// The defaults of the crate are argon2id with m = 19,456 KiB, t = 2, p = 1; a test pins them.
fn hash(password: &str, salt: &[u8; 16], memory: &mut Vec<Block>) -> String {
    const NEVER: &str = "the parameters of the crate are valid";
    let params = Params::default();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    fill(&Argon2::default(), password.as_bytes(), salt, &mut output, memory).expect(NEVER);
    let phc = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(&params).expect(NEVER),
        salt: Some(Salt::new(salt).expect(NEVER)),
        hash: Some(Output::new(&output).expect(NEVER)),
    };
    phc.to_string()
}

/// By the parameters of the PHC string, which may be of an older release.
fn verify(password: &str, phc: &str, memory: &mut Vec<Block>) -> bool {
    verify_bytes(password.as_bytes(), phc, memory)
}

/// As [`verify`], of a password that may not be text.
pub(super) fn verify_bytes(password: &[u8], phc: &str, memory: &mut Vec<Block>) -> bool {
    let Ok(phc) = PasswordHash::new(phc) else { return false };
    let (Some(salt), Some(expected)) = (phc.salt, phc.hash) else { return false };
    let (Ok(algorithm), Ok(params)) =
        (Algorithm::try_from(phc.algorithm.as_str()), Params::try_from(&phc))
    else {
        return false;
    };
    let version = match phc.version.map(Version::try_from) {
        None => Version::default(),
        Some(Ok(version)) => version,
        Some(Err(_)) => return false,
    };
    let mut output = vec![0; expected.len()];
    let argon2 = Argon2::new(algorithm, version, params);
    fill(&argon2, password, &salt, &mut output, memory).is_ok()
        && digest::equal(&output, expected.as_bytes())
}

fn fill(
    argon2: &Argon2<'_>,
    password: &[u8],
    salt: &[u8],
    output: &mut [u8],
    memory: &mut Vec<Block>,
) -> argon2::Result<()> {
    memory.resize(argon2.params().block_count(), Block::default());
    argon2.hash_password_into_with_memory(password, salt, output, memory)
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
    async fn a_hash_of_another_program_and_other_parameters_verifies() {
        // From the reference implementation's test vectors (argon2id, v=19, m=64 MiB, t=2, p=1).
        let phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ\
                   $CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        let passwords = Passwords::new(1, 8, &SystemEntropy);
        assert!(passwords.verify(&Password::new("password"), Some(phc)).await.unwrap());
        assert!(!passwords.verify(&Password::new("Password"), Some(phc)).await.unwrap());
    }

    #[tokio::test]
    async fn a_right_password_of_another_program_gets_a_hash_of_this_one() {
        let passwords = Passwords::new(1, 8, &SystemEntropy);
        let right = Password::new("U*U");
        let foreign = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";
        let stored = ForeignPassword::bcrypt(foreign).unwrap().to_stored();
        let check = async |password: &Password, stored: Option<&str>| {
            passwords.check(password, stored, &SystemEntropy).await.unwrap()
        };
        let Checked::Rehashed(phc) = check(&right, Some(&stored)).await else { panic!() };
        assert!(phc.starts_with("$argon2id$"), "{phc}");
        assert_eq!(check(&right, Some(&phc)).await, Checked::Right);
        assert_eq!(check(&Password::new("wrong"), Some(&stored)).await, Checked::Wrong);
        assert_eq!(check(&right, None).await, Checked::Wrong);
        assert_eq!(check(&right, Some("foreign:{}")).await, Checked::Wrong);
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
