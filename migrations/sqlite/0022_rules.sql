-- Scripts of the generation before Actions. position: the lower runs first; enabled: whether it runs.
CREATE TABLE rule (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    script     TEXT    NOT NULL,
    position   INTEGER NOT NULL UNIQUE,
    enabled    INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;

-- What rules see as `configuration`. value_sealed: sealed to the key, and never told again.
CREATE TABLE rules_config (
    key          TEXT    PRIMARY KEY,
    value_sealed BLOB    NOT NULL,
    updated_at   INTEGER NOT NULL
) STRICT;
