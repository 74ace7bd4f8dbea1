//! The memory that password hashes work in, 19 MiB each: lent from hash to hash while logins come
//! in, because taking it anew from the system costs as much time as the hash itself, and given back
//! once they cease.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use argon2::Block;

/// How long memory is kept without a login.
const IDLE: Duration = Duration::from_secs(10);

/// Memory to lend. There is never more than hashes run at once.
#[derive(Default)]
pub(super) struct Memory {
    free: Mutex<Vec<Vec<Block>>>,
    lent: AtomicU64,
    is_watched: AtomicBool,
}

impl Memory {
    /// Memory for one hash, of any size: the hash makes it fit.
    pub(super) fn take(&self) -> Vec<Block> {
        self.lent.fetch_add(1, Ordering::Relaxed);
        self.free().pop().unwrap_or_default()
    }

    /// Keeps memory for the next hash.
    pub(super) fn give_back(&self, memory: Vec<Block>) {
        self.free().push(memory);
    }

    /// Makes sure that the memory is freed when no hash has taken any for [`IDLE`].
    pub(super) fn free_when_idle(self: &Arc<Self>) {
        if self.is_watched.swap(true, Ordering::SeqCst) {
            return;
        }
        let memory = Arc::clone(self);
        tokio::spawn(async move {
            loop {
                let before = memory.lent.load(Ordering::Relaxed);
                tokio::time::sleep(IDLE).await;
                if memory.lent.load(Ordering::Relaxed) == before {
                    break;
                }
            }
            // A hash that begins now starts the next watch.
            memory.is_watched.store(false, Ordering::SeqCst);
            memory.free().clear();
        });
    }

    fn free(&self) -> MutexGuard<'_, Vec<Vec<Block>>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
