-- ticket.terms: what an operator attached to a ticket of theirs, JSON; NULL for one that a person
-- asked for. ticket.spent_at: when it was used; it is kept until it expires, so that a second use
-- can be led where the first one was.
ALTER TABLE ticket ADD COLUMN terms TEXT;
ALTER TABLE ticket ADD COLUMN spent_at BIGINT;

-- JSON, NULL when never set.
ALTER TABLE session ADD COLUMN metadata TEXT;
ALTER TABLE organization ADD COLUMN branding TEXT;
ALTER TABLE organization ADD COLUMN metadata TEXT;

-- day: days since 1970-01-01 (UTC). part: a day is counted in several rows, so that logins at once
-- do not wait for one.
CREATE TABLE daily_count (
    day        BIGINT NOT NULL,
    part       BIGINT NOT NULL,
    logins     BIGINT NOT NULL,
    signups    BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (day, part)
);
CREATE INDEX user_account_last_login ON user_account (last_login);
