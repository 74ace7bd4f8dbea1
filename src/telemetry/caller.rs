//! Where the request that is being answered came from, for the events that it causes. It is context
//! like a span, and no input of any decision.

use crate::domain::audit::Caller;

tokio::task_local! {
    static CALLER: Caller;
}

/// Runs `answering` with `caller` as the origin of its events.
pub async fn scope<F: Future>(caller: Caller, answering: F) -> F::Output {
    CALLER.scope(caller, answering).await
}

/// The origin of the request that this task answers; empty outside of one.
pub fn current() -> Caller {
    CALLER.try_with(Clone::clone).unwrap_or_default()
}
