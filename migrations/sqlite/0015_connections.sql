-- Where users come from. user_account.connection is the name, which never changes.
-- document: the members of the Management API's object that can be written.
-- deleted_at: from then on it is gone for everybody; the row keeps the name until its users are gone.
CREATE TABLE connection (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL UNIQUE,
    strategy   TEXT    NOT NULL CHECK (strategy IN ('auth0', 'email')),
    document   TEXT    NOT NULL,
    version    INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    deleted_at INTEGER
) STRICT;
CREATE INDEX connection_created ON connection (created_at, id);

-- The clients whose users may come from a connection.
CREATE TABLE connection_client (
    connection_id TEXT NOT NULL REFERENCES connection (id) ON DELETE CASCADE,
    client_id     TEXT NOT NULL REFERENCES client (client_id) ON DELETE CASCADE,
    PRIMARY KEY (connection_id, client_id)
) STRICT;
CREATE INDEX connection_client_client ON connection_client (client_id);

-- The two that there were before connections had rows. They are made here and not at a start: an
-- operator may delete them, and no later start may bring them back. The ids are drawn by the
-- database, they are names and not secrets.
INSERT INTO connection (id, name, strategy, document, version, created_at, updated_at) VALUES
    ('con_' || hex(randomblob(8)), 'Username-Password-Authentication', 'auth0',
     '{"options":{"brute_force_protection":true}}', 1, 0, 0),
    ('con_' || hex(randomblob(8)), 'email', 'email',
     '{"options":{"name":"email","brute_force_protection":true}}', 1, 1, 1);
INSERT INTO connection_client (connection_id, client_id)
    SELECT connection.id, client.client_id FROM connection CROSS JOIN client;
