//! What the fuzzer feeds: each target is a function that takes any bytes and panics when a property
//! of the server does not hold. `cargo fuzz` runs them with bytes it invents; `tests/it/fuzz.rs`
//! with the files of `corpus`, so that neither can rot.

pub mod assertions;
pub mod dpop_proofs;
pub mod edit;
pub mod parameters;
pub mod redirect_uris;
pub mod refresh_tokens;
pub mod requests;
pub mod sealed;
pub mod searches_and_imports;

/// A target.
pub type Target = fn(&[u8]);

/// Every target, by the name of its corpus.
pub const ALL: &[(&str, Target)] = &[
    ("assertions", assertions::run),
    ("dpop_proofs", dpop_proofs::run),
    ("parameters", parameters::run),
    ("redirect_uris", redirect_uris::run),
    ("refresh_tokens", refresh_tokens::run),
    ("requests", requests::run),
    ("sealed", sealed::run),
    ("searches_and_imports", searches_and_imports::run),
];
