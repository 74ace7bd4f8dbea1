-- Authorize requests that were pushed (RFC 9126) and not yet taken: the request_uri as a SHA-256,
-- the parameters as a JSON object of strings.
CREATE TABLE pushed_request (
    id_hash    BLOB    PRIMARY KEY,
    client_id  TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    parameters TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX pushed_request_expiry ON pushed_request (expires_at);
CREATE INDEX pushed_request_client ON pushed_request (client_id);
