-- Wrong passwords in a row. Whom they were for is a MAC: people type their password into the wrong
-- field, too. `origin` is an address, or empty where only the account is counted.
CREATE TABLE login_failure (
    identifier_mac BYTEA  NOT NULL,
    origin         TEXT   NOT NULL,
    failures       BIGINT NOT NULL,
    notified_at    BIGINT,
    expires_at     BIGINT NOT NULL,
    PRIMARY KEY (identifier_mac, origin)
);
CREATE INDEX login_failure_expires ON login_failure (expires_at);

-- Token buckets that all nodes take from: one row for each that is not full. Microseconds.
CREATE TABLE rate_bucket (
    kind    TEXT   NOT NULL,
    subject TEXT   NOT NULL,
    full_at BIGINT NOT NULL,
    told_at BIGINT,
    PRIMARY KEY (kind, subject)
);
CREATE INDEX rate_bucket_full ON rate_bucket (full_at);

-- A third kind of ticket: `unblock`.
ALTER TABLE ticket DROP CONSTRAINT ticket_kind_check;
ALTER TABLE ticket ADD CONSTRAINT ticket_kind_check
    CHECK (kind IN ('reset_password', 'verify_email', 'unblock'));
