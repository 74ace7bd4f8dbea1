-- The algorithm that a key is for: RS256 for RSA keys, which also sign RS512 and PS256.
ALTER TABLE signing_key ADD COLUMN algorithm TEXT NOT NULL DEFAULT 'RS256';
DROP INDEX signing_key_current;
-- Two nodes that start at once must not both create the current key of an algorithm.
CREATE UNIQUE INDEX signing_key_current ON signing_key (algorithm, state) WHERE state IN ('current', 'next');

-- Algorithms beside RS256 whose keys are published: those that an API or an application was ever
-- set to. Never removed, since tokens signed so may still be valid.
CREATE TABLE published_algorithm (
    algorithm TEXT   PRIMARY KEY,
    since     BIGINT NOT NULL
);

-- The signing_secret of an API with HS256, sealed with the master key.
ALTER TABLE resource_server ADD COLUMN secret_sealed BYTEA;
