-- Which applications a browser session was used for: each is told when it ends.
CREATE TABLE session_client (
    session_id TEXT    NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    client_id  TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    first_at   INTEGER NOT NULL,
    last_at    INTEGER NOT NULL,
    PRIMARY KEY (session_id, client_id)
) STRICT;
CREATE INDEX session_client_client ON session_client (client_id);

-- What refresh tokens tell of the sessions that are there already.
INSERT INTO session_client (session_id, client_id, first_at, last_at)
SELECT f.session_id, f.client_id, MIN(f.created_at), MAX(f.created_at)
FROM refresh_token_family f JOIN session s ON s.id = f.session_id
GROUP BY f.session_id, f.client_id;

-- Logout tokens to be delivered, written with the end of the session. The session and perhaps the
-- user are gone by then, so nothing refers to them. An attempt moves next_attempt_at first: two
-- nodes never deliver the same one at once.
CREATE TABLE backchannel_logout (
    id              TEXT    PRIMARY KEY,
    client_id       TEXT    NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    user_id         TEXT    NOT NULL,
    session_id      TEXT    NOT NULL,
    url             TEXT    NOT NULL,
    attempts        INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;
CREATE INDEX backchannel_logout_due ON backchannel_logout (next_attempt_at);
CREATE INDEX backchannel_logout_client ON backchannel_logout (client_id);
CREATE INDEX backchannel_logout_created ON backchannel_logout (created_at);
