//! Proofs of possession on the wire (RFC 9449): the `DPoP` header, the nonce of every answer and
//! the challenge of a resource.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method},
    middleware::Next,
    response::Response,
};

use crate::crypto::dpop::ALGORITHMS;
use crate::http::App;
use crate::policy::dpop::ProofFault;
use crate::token::dpop::ProvenRequest;

const PROOF: HeaderName = HeaderName::from_static("dpop");
const NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// A request with its proofs.
pub fn proven_request<'a>(
    headers: &'a HeaderMap,
    method: &'a Method,
    path: &'a str,
) -> ProvenRequest<'a> {
    let proofs = headers.get_all(PROOF).iter().map(HeaderValue::as_bytes).collect();
    ProvenRequest { proofs, method: method.as_str(), path }
}

/// Gives every answer to a request with a proof, refused or not, the nonce for the next one (§8.2):
/// so a client learns the new one before the old one ends, and is not challenged twice.
pub async fn fresh_nonce(State(app): State<App>, request: Request, next: Next) -> Response {
    let has_proof = request.headers().contains_key(PROOF);
    let mut response = next.run(request).await;
    if has_proof && let Ok(nonce) = HeaderValue::from_str(&app.tokens.dpop_nonce()) {
        response.headers_mut().insert(NONCE, nonce);
    }
    response
}

/// Why a resource refuses a request: `error` and `error_description` (§7.1).
pub const fn refusal(fault: ProofFault) -> (&'static str, &'static str) {
    match fault {
        ProofFault::Invalid(why) => ("invalid_dpop_proof", why),
        ProofFault::UseNonce => ("use_dpop_nonce", "Resource server requires nonce in DPoP proof"),
    }
}

/// `WWW-Authenticate` of a refusal (§7.1). `error` comes first: the Android SDK looks for the text
/// `DPoP error=` and splits the rest at `", "`.
pub fn challenge(error: &str, description: &str) -> HeaderValue {
    let algorithms = ALGORITHMS.join(" ");
    let text = format!(
        "DPoP error=\"{error}\", error_description=\"{description}\", algs=\"{algorithms}\""
    );
    // The texts are our own, and ASCII.
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("DPoP"))
}

/// `WWW-Authenticate` of a request without any token: the scheme is taken.
pub fn offer() -> HeaderValue {
    let text = format!("DPoP algs=\"{}\"", ALGORITHMS.join(" "));
    HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("DPoP"))
}
