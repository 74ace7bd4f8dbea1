-- Code of the operator that is run at a trigger. trigger_id and trigger_version: the only trigger that
-- it is for. code, runtime, secrets, secrets_sealed and allowed_hosts: the draft, which never runs.
-- secrets: names and times of change (JSON); secrets_sealed: names and values, sealed to the id of
-- this row; allowed_hosts: JSON, NULL for what the server allows. deployed_version_id: the version
-- that runs. is_deployed: whether the draft is what that version has. last_number: of the newest
-- version; numbers are never used again.
CREATE TABLE action (
    id                  TEXT    PRIMARY KEY,
    name                TEXT    NOT NULL UNIQUE,
    trigger_id          TEXT    NOT NULL,
    trigger_version     TEXT    NOT NULL,
    code                TEXT    NOT NULL,
    runtime             TEXT    NOT NULL,
    secrets             TEXT    NOT NULL,
    secrets_sealed      BYTEA,
    allowed_hosts       TEXT,
    deployed_version_id TEXT,
    is_deployed         BOOLEAN NOT NULL,
    last_number         BIGINT NOT NULL,
    created_at          BIGINT NOT NULL,
    updated_at          BIGINT NOT NULL
);
CREATE INDEX action_created ON action (created_at, id);

-- What was deployed once; never changed. secrets_sealed is sealed to the id of this row.
CREATE TABLE action_version (
    id              TEXT    PRIMARY KEY,
    action_id       TEXT    NOT NULL REFERENCES action (id) ON DELETE CASCADE,
    number          BIGINT NOT NULL,
    trigger_id      TEXT    NOT NULL,
    trigger_version TEXT    NOT NULL,
    code            TEXT    NOT NULL,
    runtime         TEXT    NOT NULL,
    secrets         TEXT    NOT NULL,
    secrets_sealed  BYTEA,
    allowed_hosts   TEXT,
    created_at      BIGINT NOT NULL,
    UNIQUE (action_id, number)
);

-- Which Actions run at a trigger, in the order of position.
CREATE TABLE action_binding (
    id           TEXT    PRIMARY KEY,
    trigger_id   TEXT    NOT NULL,
    position     BIGINT NOT NULL,
    action_id    TEXT    NOT NULL REFERENCES action (id),
    display_name TEXT    NOT NULL,
    created_at   BIGINT NOT NULL,
    updated_at   BIGINT NOT NULL,
    UNIQUE (trigger_id, position),
    UNIQUE (action_id, trigger_id)
);

-- What came of running the Actions of a trigger once.
CREATE TABLE action_execution (
    id         TEXT    PRIMARY KEY,
    trigger_id TEXT    NOT NULL,
    status     TEXT    NOT NULL CHECK (status IN ('final', 'partial', 'canceled', 'suspended')),
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX action_execution_created ON action_execution (created_at);

-- What came of one of them. action_id is no reference: what ran stays known when it is deleted, and a
-- rule has its own id here. error, notes and stats: JSON. console: what the code wrote.
CREATE TABLE action_execution_result (
    execution_id TEXT    NOT NULL REFERENCES action_execution (id) ON DELETE CASCADE,
    position     BIGINT NOT NULL,
    action_id    TEXT    NOT NULL,
    version_id   TEXT,
    action_name  TEXT    NOT NULL,
    started_at   BIGINT NOT NULL,
    ended_at     BIGINT NOT NULL,
    error        TEXT,
    notes        TEXT    NOT NULL,
    stats        TEXT    NOT NULL,
    console      TEXT    NOT NULL,
    PRIMARY KEY (execution_id, position)
);
CREATE INDEX action_execution_result_action
    ON action_execution_result (action_id, started_at, execution_id);
