-- Links in messages: who opens one may set a password or verify an address, once. Only the SHA-256
-- of the ticket in the link is kept. email: the address it was sent to; a ticket dies when the user
-- gets another one.
CREATE TABLE ticket (
    ticket_hash BYTEA   PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('reset_password', 'verify_email')),
    user_id     TEXT    NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    email       TEXT    NOT NULL,
    created_at  BIGINT  NOT NULL,
    expires_at  BIGINT  NOT NULL
);
CREATE INDEX ticket_user ON ticket (user_id, kind);
CREATE INDEX ticket_expires_at ON ticket (expires_at);
