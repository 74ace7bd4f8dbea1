-- Wrong passwords in a row. Whom they were for is a MAC: people type their password into the wrong
-- field, too. `origin` is an address, or empty where only the account is counted.
CREATE TABLE login_failure (
    identifier_mac BLOB   NOT NULL,
    origin         TEXT   NOT NULL,
    failures       INTEGER NOT NULL,
    notified_at    INTEGER,
    expires_at     INTEGER NOT NULL,
    PRIMARY KEY (identifier_mac, origin)
) STRICT;
CREATE INDEX login_failure_expires ON login_failure (expires_at);

-- Token buckets that all nodes take from: one row for each that is not full. Microseconds.
CREATE TABLE rate_bucket (
    kind    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    full_at INTEGER NOT NULL,
    told_at INTEGER,
    PRIMARY KEY (kind, subject)
) STRICT;
CREATE INDEX rate_bucket_full ON rate_bucket (full_at);

-- A third kind of ticket: `unblock`. A CHECK can only be replaced with its table, to which no other
-- refers.
CREATE TABLE ticket_of_any_kind (
    ticket_hash BLOB    PRIMARY KEY,
    kind        TEXT    NOT NULL CHECK (kind IN ('reset_password', 'verify_email', 'unblock')),
    user_id     TEXT    NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    email       TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL,
    terms       TEXT,
    spent_at    INTEGER
) STRICT;
INSERT INTO ticket_of_any_kind
    (ticket_hash, kind, user_id, email, created_at, expires_at, terms, spent_at)
    SELECT ticket_hash, kind, user_id, email, created_at, expires_at, terms, spent_at FROM ticket;
DROP TABLE ticket;
ALTER TABLE ticket_of_any_kind RENAME TO ticket;
CREATE INDEX ticket_user ON ticket (user_id, kind);
CREATE INDEX ticket_expires_at ON ticket (expires_at);
