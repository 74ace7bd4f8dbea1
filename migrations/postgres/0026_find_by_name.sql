-- What applications and APIs are looked for by, in lower case: the server writes it with the
-- document.
ALTER TABLE client ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
UPDATE client SET name_folded = lower(name);
-- Has all that a search looks at, so that it reads no document that is not answered.
DROP INDEX client_created;
CREATE INDEX client_created ON client (created_at, client_id, name_folded);

ALTER TABLE resource_server ADD COLUMN name_folded TEXT NOT NULL DEFAULT '';
UPDATE resource_server SET name_folded = lower(COALESCE(document::json ->> 'name', ''));
