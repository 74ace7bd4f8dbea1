//! What the work costs without a server around it: the same library, the same key sizes, the same
//! parameters. On as many threads at once as there are cores: cores slow each other down, and a
//! server under load has them all.

use std::{hint::black_box, thread, time::Duration};

use argon2::{Argon2, Block};
use aws_lc_rs::{
    rand::SystemRandom,
    rsa::KeyPair as RsaKeyPair,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256},
};
use doorward::{
    crypto::{
        random::SystemEntropy,
        signing::{self, SigningKey},
    },
    domain::signing_alg::SigningAlg,
};
use serde_json::{Value, json};

use crate::{Result, clock, world::Alg};

/// Keys that are parsed once, and what is signed with them.
pub struct Floors {
    rsa: RsaKeyPair,
    p256: EcdsaKeyPair,
    ours: SigningKey,
    ours_es256: SigningKey,
    claims: Value,
    /// As long as the signing input of such a token.
    message: Vec<u8>,
    cores: usize,
}

impl Floors {
    pub fn new() -> Result<Self> {
        let rsa = signing::generate_for(SigningAlg::Rs256, "bench", &SystemEntropy)?;
        let p256 = signing::generate_for(SigningAlg::Es256, "bench", &SystemEntropy)?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let claims = claims();
        let ours = SigningKey::from_pkcs8(rsa.kid, &rsa.pkcs8, rsa.certificate)?;
        let signed = ours.sign("JWT", &claims)?;
        let (message, _) = signed.rsplit_once('.').ok_or("no signature")?;
        Ok(Self {
            message: message.into(),
            rsa: RsaKeyPair::from_pkcs8(&rsa.pkcs8).map_err(|e| e.to_string())?,
            p256: EcdsaKeyPair::from_pkcs8(algorithm, &p256.pkcs8).map_err(|e| e.to_string())?,
            ours,
            ours_es256: SigningKey::parse(
                SigningAlg::Es256,
                p256.kid,
                &p256.pkcs8,
                p256.certificate,
            )?,
            claims,
            cores: cores(),
        })
    }

    /// Signatures per second of CPU.
    pub fn signatures(&self, alg: Alg, time: Duration) -> f64 {
        self.on_all_cores(time, || move || self.raw(alg))
    }

    /// Password hashes per second of CPU, each thread with memory that it uses again.
    pub fn hashes(&self, time: Duration) -> f64 {
        self.on_all_cores(time, || {
            let argon2 = Argon2::default();
            let mut memory = vec![Block::default(); argon2.params().block_count()];
            move || {
                let (salt, mut output) = ([7; 16], [0; 32]);
                let password = b"correct horse battery staple";
                let done = argon2.hash_password_into_with_memory(
                    password,
                    &salt,
                    &mut output,
                    &mut memory,
                );
                black_box((done.is_ok(), output));
            }
        })
    }

    /// How many times the CPU of the bare signature a token takes that our own code makes. Both in
    /// turns, in slices of some 20 ms, so that whatever slows the machine slows both.
    pub fn own_signing(&self, alg: Alg, time: Duration) -> Result<f64> {
        let (mut raw, mut ours) = (Duration::ZERO, Duration::ZERO);
        let slice = match alg {
            Alg::Rs256 => 40,
            Alg::Es256 => 500,
        };
        let began = clock::now();
        while began.elapsed() < time {
            let at = clock::thread_cpu();
            for _ in 0..slice {
                self.raw(alg);
            }
            let between = clock::thread_cpu();
            for _ in 0..slice {
                let token = match alg {
                    Alg::Rs256 => self.ours.sign_with(SigningAlg::Rs256, "JWT", &self.claims),
                    Alg::Es256 => self.ours_es256.sign_with(SigningAlg::Es256, "JWT", &self.claims),
                };
                black_box(token?);
            }
            raw += between.saturating_sub(at);
            ours += clock::thread_cpu().saturating_sub(between);
        }
        Ok(ours.as_secs_f64() / raw.as_secs_f64().max(1e-9))
    }

    fn raw(&self, alg: Alg) {
        let random = SystemRandom::new();
        match alg {
            Alg::Rs256 => {
                let mut signature = [0; 256];
                let done = self.rsa.sign(&RSA_PKCS1_SHA256, &random, &self.message, &mut signature);
                black_box((done.is_ok(), signature));
            }
            Alg::Es256 => drop(black_box(self.p256.sign(&random, &self.message))),
        }
    }

    fn on_all_cores<W: FnMut()>(&self, time: Duration, make: impl Fn() -> W + Sync) -> f64 {
        let run = || {
            let mut work = make();
            work();
            let (began, cpu, mut done) = (clock::now(), clock::thread_cpu(), 0_u32);
            while began.elapsed() < time {
                work();
                done += 1;
            }
            (f64::from(done), clock::thread_cpu().saturating_sub(cpu).as_secs_f64())
        };
        let (done, cpu) = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.cores).map(|_| scope.spawn(run)).collect();
            threads
                .into_iter()
                .filter_map(|thread| thread.join().ok())
                .fold((0.0, 0.0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
        });
        done / cpu.max(1e-9)
    }
}

/// How many threads the machine runs at once.
pub fn cores() -> usize {
    thread::available_parallelism().map_or(1, Into::into)
}

/// The claims of an access token of a refresh.
fn claims() -> Value {
    json!({
        "iss": "http://127.0.0.1:8484/",
        "sub": "auth0|5f7c8ec7c33c6c004bbafe82",
        "aud": ["https://rs0.api.example/", "http://127.0.0.1:8484/userinfo"],
        "iat": 1_790_000_000, "exp": 1_790_086_400,
        "azp": "uKz4bVhTzL3nqYc7mE1s0pRw9dXaFgJi",
        "scope": "openid offline_access read:items",
    })
}
