-- Times are epoch milliseconds, JSON is text that is only read whole, flags are 0 or 1, and
-- nothing secret is stored in the clear.

-- One row: counts the changes of configuration rows (client, resource_server, client_grant,
-- organization, signing_key). Every node keeps them in memory until the count moves.
CREATE TABLE config_version (
    id      INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL
) STRICT;
INSERT INTO config_version (id, version) VALUES (1, 1);

-- Sealed with the master key; one row is current, one next, the others previous.
CREATE TABLE signing_key (
    kid            TEXT    PRIMARY KEY,
    state          TEXT    NOT NULL CHECK (state IN ('current', 'next', 'previous')),
    private_sealed BLOB    NOT NULL,
    certificate    BLOB    NOT NULL,
    created_at     INTEGER NOT NULL
) STRICT;
-- Two nodes that start at once must not both create the current key.
CREATE UNIQUE INDEX signing_key_current ON signing_key (state) WHERE state IN ('current', 'next');

-- document: the members of the Management API's object that can be written.
-- version: guards read-modify-write; two editors never overwrite each other silently.
CREATE TABLE client (
    client_id     TEXT    PRIMARY KEY,
    name          TEXT    NOT NULL,
    document      TEXT    NOT NULL,
    secret_sealed BLOB,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    updated_at    INTEGER NOT NULL
) STRICT;

CREATE TABLE resource_server (
    id         TEXT    PRIMARY KEY,
    identifier TEXT    NOT NULL UNIQUE,
    document   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;

CREATE TABLE client_grant (
    id           TEXT    PRIMARY KEY,
    client_id    TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    audience     TEXT    NOT NULL REFERENCES resource_server (identifier) ON DELETE CASCADE,
    subject_type TEXT    NOT NULL CHECK (subject_type IN ('client', 'user')),
    document     TEXT    NOT NULL,
    version      INTEGER NOT NULL,
    created_at   INTEGER NOT NULL,
    UNIQUE (client_id, audience, subject_type)
) STRICT;
CREATE INDEX client_grant_audience ON client_grant (audience);

CREATE TABLE organization (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    display_name TEXT,
    created_at   INTEGER NOT NULL
) STRICT;

-- email and username are kept in lower case, because LIKE and = differ between the databases in
-- their treatment of case.
CREATE TABLE user_account (
    user_id        TEXT    PRIMARY KEY,
    connection     TEXT    NOT NULL,
    email          TEXT,
    email_verified INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    username       TEXT,
    password_hash  TEXT,
    blocked        INTEGER CHECK (blocked IN (0, 1)),
    profile        TEXT    NOT NULL,
    user_metadata  TEXT    NOT NULL,
    app_metadata   TEXT    NOT NULL,
    logins_count   INTEGER NOT NULL,
    last_login     INTEGER,
    last_ip        TEXT,
    version        INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX user_account_email ON user_account (connection, email);
CREATE UNIQUE INDEX user_account_username ON user_account (connection, username);
CREATE INDEX user_account_by_email ON user_account (email);
CREATE INDEX user_account_created ON user_account (created_at, user_id);

CREATE TABLE user_permission (
    user_id    TEXT NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    audience   TEXT NOT NULL REFERENCES resource_server (identifier) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (user_id, audience, permission)
) STRICT;
CREATE INDEX user_permission_audience ON user_permission (audience);

CREATE TABLE organization_member (
    organization_id TEXT NOT NULL REFERENCES organization (id) ON DELETE CASCADE,
    user_id         TEXT NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    PRIMARY KEY (organization_id, user_id)
) STRICT;
CREATE INDEX organization_member_user ON organization_member (user_id);

-- id is the public sid; the cookie is kept as a SHA-256 only.
CREATE TABLE session (
    id               TEXT    PRIMARY KEY,
    cookie_hash      BLOB    NOT NULL UNIQUE,
    user_id          TEXT    NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    authenticated_at INTEGER NOT NULL,
    amr              TEXT    NOT NULL,
    created_at       INTEGER NOT NULL,
    expires_at       INTEGER NOT NULL,
    idle_expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX session_by_user ON session (user_id);
CREATE INDEX session_expiry ON session (expires_at);

CREATE TABLE consent (
    user_id    TEXT    NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    client_id  TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    audience   TEXT    NOT NULL,
    scope      TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (user_id, client_id, audience)
) STRICT;
CREATE INDEX consent_client ON consent (client_id);

-- A spent code stays until it expires, so that its replay can end the family it began.
CREATE TABLE authorization_code (
    code_hash          BLOB    PRIMARY KEY,
    client_id          TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    user_id            TEXT    NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    session_id         TEXT    NOT NULL,
    redirect_uri       TEXT    NOT NULL,
    redirect_uri_given INTEGER NOT NULL CHECK (redirect_uri_given IN (0, 1)),
    code_challenge     TEXT,
    nonce              TEXT,
    audience           TEXT,
    scope              TEXT    NOT NULL,
    organization_id    TEXT,
    auth_time          INTEGER NOT NULL,
    amr                TEXT    NOT NULL,
    created_at         INTEGER NOT NULL,
    expires_at         INTEGER NOT NULL,
    consumed_at        INTEGER,
    family_id          TEXT
) STRICT;
CREATE INDEX authorization_code_expiry ON authorization_code (expires_at);
CREATE INDEX authorization_code_client ON authorization_code (client_id);
CREATE INDEX authorization_code_user ON authorization_code (user_id);

-- One row per login, whatever the number of rotations: a rotation updates three columns, none of
-- them indexed. The tokens are derived, not stored.
CREATE TABLE refresh_token_family (
    id                TEXT    PRIMARY KEY,
    client_id         TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    user_id           TEXT    NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    session_id        TEXT,
    organization_id   TEXT,
    audience          TEXT,
    scope             TEXT    NOT NULL,
    login_grant       TEXT    NOT NULL,
    auth_time         INTEGER NOT NULL,
    amr               TEXT    NOT NULL,
    salt              BLOB    NOT NULL,
    generation        INTEGER NOT NULL,
    rotated_at        INTEGER NOT NULL,
    created_at        INTEGER NOT NULL,
    last_exchanged_at INTEGER NOT NULL,
    expires_at        INTEGER,
    revoked_at        INTEGER,
    revoked_by        TEXT
) STRICT;
CREATE INDEX refresh_token_family_owner ON refresh_token_family (user_id, client_id);
CREATE INDEX refresh_token_family_client ON refresh_token_family (client_id);
CREATE INDEX refresh_token_family_session ON refresh_token_family (session_id);
CREATE INDEX refresh_token_family_expiry ON refresh_token_family (expires_at);
CREATE INDEX refresh_token_family_revoked ON refresh_token_family (revoked_at) WHERE revoked_at IS NOT NULL;

-- Security decisions, committed with what they decided. Ids only, never an address or a secret.
CREATE TABLE audit (
    id        TEXT    PRIMARY KEY,
    date      INTEGER NOT NULL,
    type      TEXT    NOT NULL,
    client_id TEXT,
    user_id   TEXT,
    details   TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_date ON audit (date);
