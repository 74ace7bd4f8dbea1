-- What scripts made of the tokens of a login, as JSON; null for nothing.
ALTER TABLE authorization_code ADD COLUMN custom_claims TEXT;

-- How long the browser keeps the session, if a script chose: persistent or non-persistent.
ALTER TABLE session ADD COLUMN cookie_mode TEXT;

-- Logins whose browser a script has sent elsewhere. It comes back with a random handle, of which
-- the SHA-256 is kept. The rest is sealed, and bound to the cookie of the browser. A login ends with
-- its session.
CREATE TABLE suspended_login (
    handle_hash BYTEA  PRIMARY KEY,
    session_id  TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    sealed      BYTEA  NOT NULL,
    expires_at  BIGINT NOT NULL
);
CREATE INDEX suspended_login_session ON suspended_login (session_id);
CREATE INDEX suspended_login_expiry ON suspended_login (expires_at);
