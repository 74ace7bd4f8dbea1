//! The audit trail as a stream: `DOORWARD_LOG=audit=debug` shows it and nothing else, and
//! `audit=info` leaves out the tokens that were issued, of which there may be thousands a second. The
//! rows in the database are written by whoever decides, in the same transaction.

use crate::domain::audit::AuditEvent;

/// Emits an event. Call it after the commit, so that the stream never tells of what was rolled
/// back.
pub fn emit(event: &AuditEvent) {
    let client = event.client_id.as_ref().map_or("", |id| id.as_str());
    let user = event.user_id.as_ref().map_or("", |id| id.as_str());
    let (id, code, details) = (event.id.as_str(), event.code, &event.details);
    macro_rules! emit {
        ($level:ident) => {
            tracing::$level!(
                target: "audit",
                event = code,
                audit.id = id,
                client.id = client,
                user.id = user,
                details = %details,
                "audit {code}"
            )
        };
    }
    if event.is_routine() { emit!(debug) } else { emit!(info) }
}
