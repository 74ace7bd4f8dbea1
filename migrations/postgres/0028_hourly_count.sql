-- How often something happened within an hour. hour: hours since 1970-01-01 (UTC). kind: what, see
-- the kinds of audit events. Written with batches of audit events, and kept longer than those may be.
CREATE TABLE hourly_count (
    hour BIGINT NOT NULL,
    kind TEXT   NOT NULL,
    n    BIGINT NOT NULL,
    PRIMARY KEY (hour, kind)
);
