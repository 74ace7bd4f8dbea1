-- Work that goes on after the request for it was answered. parameters: what was asked for, as it is
-- answered (JSON). client_id and user_id: who asked. total: of how many items, once that is known;
-- done: how many were dealt with; resume_after: the last of them, where a number does not tell.
-- worker and lease_until: the node that works on it, until when it may be taken for dead; attempts:
-- how often a node took it up since the last progress.
CREATE TABLE job (
    id             TEXT    PRIMARY KEY,
    kind           TEXT    NOT NULL,
    status         TEXT    NOT NULL
        CHECK (status IN ('uploading', 'pending', 'processing', 'completed', 'failed')),
    status_details TEXT,
    parameters     TEXT    NOT NULL,
    client_id      TEXT,
    user_id        TEXT,
    total          INTEGER,
    done           INTEGER NOT NULL,
    inserted       INTEGER NOT NULL,
    updated        INTEGER NOT NULL,
    failed         INTEGER NOT NULL,
    resume_after   TEXT,
    worker         TEXT,
    lease_until    INTEGER NOT NULL,
    attempts       INTEGER NOT NULL,
    created_at     INTEGER NOT NULL,
    started_at     INTEGER,
    finished_at    INTEGER,
    expires_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX job_status ON job (status, created_at);
CREATE INDEX job_expires_at ON job (expires_at);

-- What is wrong with one item of a job. item: its place in the file, from 0. subject: the item
-- without its secrets; errors: what is wrong (both JSON).
CREATE TABLE job_error (
    job_id  TEXT    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    item    INTEGER NOT NULL,
    subject TEXT    NOT NULL,
    errors  TEXT    NOT NULL,
    PRIMARY KEY (job_id, item)
) STRICT;

-- The file that a job reads or has written, in pieces, so that no node ever holds it whole.
CREATE TABLE job_chunk (
    job_id TEXT    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    data   BLOB    NOT NULL,
    PRIMARY KEY (job_id, number)
) STRICT;

-- The identifiers that a file has named so far, as hashes: a second mention is an error.
CREATE TABLE job_key (
    job_id   TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    key_hash BLOB NOT NULL,
    PRIMARY KEY (job_id, key_hash)
) STRICT;

-- Links to the file that a job has written. Only the SHA-256 of the token in the link is kept.
CREATE TABLE job_download (
    token_hash BLOB    PRIMARY KEY,
    job_id     TEXT    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX job_download_job ON job_download (job_id);
CREATE INDEX job_download_expires_at ON job_download (expires_at);
