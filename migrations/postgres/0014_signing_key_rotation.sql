-- Epoch milliseconds. current_since: NULL for a key that has always been current, which is since
-- created_at. current_until: set once it is previous. revoked_at: from then on it is neither
-- published nor accepted.
ALTER TABLE signing_key ADD COLUMN current_since BIGINT;
ALTER TABLE signing_key ADD COLUMN current_until BIGINT;
ALTER TABLE signing_key ADD COLUMN revoked_at BIGINT;
