//! Work that no answer waits for, so that none tells by its time what there was to do: looking for
//! a user, keeping a ticket, handing over a message.

use std::{sync::Arc, time::Duration};

use tokio::sync::Semaphore;
use tracing::Instrument;

use crate::telemetry;

/// Errands at once; more are refused, whomever they are for.
const AT_ONCE: u32 = 64;
/// How long to wait for them when the server stops.
const PATIENCE: Duration = Duration::from_secs(5);

/// Too many errands are running.
#[derive(Debug, thiserror::Error)]
#[error("too many errands are running")]
pub struct Busy;

/// Runs errands. Cheap to clone.
#[derive(Clone)]
pub struct Errands {
    running: Arc<Semaphore>,
}

impl Default for Errands {
    fn default() -> Self {
        let places = usize::try_from(AT_ONCE).unwrap_or(1);
        Self { running: Arc::new(Semaphore::new(places)) }
    }
}

impl Errands {
    /// Begins an errand, which keeps the origin and the span of the request that sent it.
    ///
    /// # Errors
    /// [`Busy`], which says nothing about the errand.
    pub fn run(&self, errand: impl Future<Output = ()> + Send + 'static) -> Result<(), Busy> {
        let place = Arc::clone(&self.running).try_acquire_owned().map_err(|_| Busy)?;
        let errand = telemetry::caller::scope(telemetry::caller::current(), errand);
        let errand = async move {
            errand.await;
            drop(place);
        };
        tokio::spawn(errand.in_current_span());
        Ok(())
    }

    /// Waits until no errand is running.
    pub async fn idle(&self) {
        if tokio::time::timeout(PATIENCE, self.running.acquire_many(AT_ONCE)).await.is_err() {
            tracing::warn!("errands were still running when the server had to stop");
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn errands_are_bounded_and_waited_for() {
        let errands = Errands::default();
        let mut ends = Vec::new();
        for _ in 0..AT_ONCE {
            let (end, ended) = oneshot::channel::<()>();
            let errand = async move {
                let _ = ended.await;
            };
            assert!(errands.run(errand).is_ok());
            ends.push(end);
        }
        assert!(errands.run(async {}).is_err(), "no place is left");
        ends.clear();
        errands.idle().await;
        assert!(errands.run(async {}).is_ok());
    }
}
