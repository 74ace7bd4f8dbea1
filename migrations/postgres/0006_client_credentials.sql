-- Public keys of applications (private_key_jwt). Nothing secret: the key as PKCS #1 (RSA) or as an
-- uncompressed point (P-256). A key counts when the client's document lists its id.
CREATE TABLE client_credential (
    id         TEXT    PRIMARY KEY,
    client_id  TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    kid        TEXT    NOT NULL,
    alg        TEXT    NOT NULL CHECK (alg IN ('RS256', 'RS384', 'PS256', 'ES256')),
    public_key BYTEA   NOT NULL,
    expires_at BIGINT,
    created_at BIGINT  NOT NULL,
    updated_at BIGINT  NOT NULL,
    UNIQUE (client_id, kid)
);

-- Client assertions that were accepted, until they expire: each counts once, on one replica. The
-- jti as a SHA-256.
CREATE TABLE client_assertion (
    client_id  TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    jti_hash   BYTEA   NOT NULL,
    expires_at BIGINT  NOT NULL,
    PRIMARY KEY (client_id, jti_hash)
);
CREATE INDEX client_assertion_expiry ON client_assertion (expires_at);
