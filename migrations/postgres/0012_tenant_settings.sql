-- One row: what the operator set through the Management API.
CREATE TABLE tenant_settings (
    id         BIGINT PRIMARY KEY CHECK (id = 1),
    document   TEXT   NOT NULL,
    version    BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
INSERT INTO tenant_settings (id, document, version, updated_at) VALUES (1, '{}', 1, 0);
