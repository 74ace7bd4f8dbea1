-- Device authorizations (RFC 8628). device_code is kept as a SHA-256; user_code, which is short
-- enough to be searched for, as a MAC under a key that the database does not have.
CREATE TABLE device_code (
    device_code_hash BLOB    PRIMARY KEY,
    user_code_mac    BLOB    NOT NULL UNIQUE,
    client_id        TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    audience         TEXT,
    scope            TEXT    NOT NULL,
    code_challenge   TEXT,
    state            TEXT    NOT NULL CHECK (state IN ('pending', 'approved', 'declined')),
    user_id          TEXT    REFERENCES user_account (user_id) ON DELETE CASCADE,
    granted_scope    TEXT,
    auth_time        INTEGER,
    amr              TEXT,
    polled_at        INTEGER,
    consumed_at      INTEGER,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL
) STRICT;
CREATE INDEX device_code_expiry ON device_code (expires_at);
CREATE INDEX device_code_client ON device_code (client_id);
CREATE INDEX device_code_user ON device_code (user_id);

-- How many codes a user has tried on the activation page, until the window ends.
CREATE TABLE device_guess (
    user_id        TEXT    PRIMARY KEY REFERENCES user_account (user_id) ON DELETE CASCADE,
    guesses        INTEGER NOT NULL,
    window_ends_at INTEGER NOT NULL
) STRICT;
CREATE INDEX device_guess_window ON device_guess (window_ends_at);
