-- The thumbprint of the key that a code or a refresh token is bound to (RFC 9449). Written once, at
-- issuance, and never searched: not indexed.
ALTER TABLE authorization_code ADD COLUMN dpop_jkt TEXT;
ALTER TABLE refresh_token_family ADD COLUMN dpop_jkt TEXT;

-- A row for each proof that was accepted, for as long as it would be accepted again: the SHA-256 of
-- its key and jti.
CREATE TABLE dpop_proof (
    proof_hash BLOB    PRIMARY KEY,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX dpop_proof_expiry ON dpop_proof (expires_at);
