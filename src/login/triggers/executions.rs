//! Keeps the records of executions, behind the back of the logins that caused them. What was decided
//! is in the audit trail all the same.

use crate::domain::action::execution::TriggerExecution;
use crate::login::batch_writer::{BatchWriter, Batched};
use crate::store::{self, Tx, action_executions};

/// Writes records.
pub type ExecutionWriter = BatchWriter<TriggerExecution>;

impl Batched for TriggerExecution {
    const NAME: &'static str = "records of executions";
    const WAITING: usize = 2048;
    const BATCH: usize = 64;

    async fn write(batch: &[Self], tx: &mut Tx) -> Result<(), store::Error> {
        for execution in batch {
            action_executions::insert(tx, execution).await?;
        }
        Ok(())
    }
}
