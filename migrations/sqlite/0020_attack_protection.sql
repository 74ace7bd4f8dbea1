-- One row for each kind of protection, with what was set of it; the rest are defaults of the code.
CREATE TABLE attack_protection (
    name       TEXT    PRIMARY KEY,
    document   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO attack_protection (name, document, version, updated_at) VALUES
    ('brute-force-protection', '{}', 1, 0),
    ('suspicious-ip-throttling', '{}', 1, 0),
    ('breached-password-detection', '{}', 1, 0);
