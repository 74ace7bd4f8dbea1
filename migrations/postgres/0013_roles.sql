-- name_folded is the name in lower case, folded by the server: the databases differ in how they fold.
CREATE TABLE role (
    id          TEXT   PRIMARY KEY,
    name        TEXT   NOT NULL UNIQUE,
    name_folded TEXT   NOT NULL,
    description TEXT   NOT NULL,
    created_at  BIGINT NOT NULL
);
CREATE INDEX role_created ON role (created_at, id);

CREATE TABLE role_permission (
    role_id    TEXT NOT NULL REFERENCES role (id) ON DELETE CASCADE,
    audience   TEXT NOT NULL REFERENCES resource_server (identifier) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role_id, audience, permission)
);
CREATE INDEX role_permission_audience ON role_permission (audience);

CREATE TABLE user_role (
    user_id TEXT NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    role_id TEXT NOT NULL REFERENCES role (id) ON DELETE CASCADE,
    PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_role_by_role ON user_role (role_id, user_id);
