-- One-time codes sent by mail, one row per address: a new code replaces the one before, and what
-- was tried and sent counts for the address, whatever the code and the application. Address and
-- code are kept as MACs under a key that the database does not have.
CREATE TABLE passwordless_code (
    address_mac     BLOB    PRIMARY KEY,
    client_id       TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    -- Null once it was used.
    code_mac        BLOB,
    code_expires_at INTEGER NOT NULL,
    -- Wrong tries of this code.
    tries           INTEGER NOT NULL,
    -- Wrong tries of any code, and codes sent, until the windows end.
    wrong           INTEGER NOT NULL,
    wrong_end_at    INTEGER NOT NULL,
    starts          INTEGER NOT NULL,
    starts_end_at   INTEGER NOT NULL,
    -- When nothing in this row counts any more.
    expires_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX passwordless_code_expiry ON passwordless_code (expires_at);
CREATE INDEX passwordless_code_client ON passwordless_code (client_id);
