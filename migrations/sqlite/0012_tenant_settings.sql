-- One row: what the operator set through the Management API.
CREATE TABLE tenant_settings (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    document   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
INSERT INTO tenant_settings (id, document, version, updated_at) VALUES (1, '{}', 1, 0);
