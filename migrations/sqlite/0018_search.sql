-- What users are searched and sorted by, beside the columns that were there. The server writes these
-- with the profile; folded means in lower case. search_version: 0 until it has; at the start and
-- then every hour the server writes what is missing.
ALTER TABLE user_account ADD COLUMN email_domain TEXT;
ALTER TABLE user_account ADD COLUMN name_folded TEXT;
ALTER TABLE user_account ADD COLUMN nickname_folded TEXT;
ALTER TABLE user_account ADD COLUMN given_name_folded TEXT;
ALTER TABLE user_account ADD COLUMN family_name_folded TEXT;
ALTER TABLE user_account ADD COLUMN phone_number TEXT;
ALTER TABLE user_account ADD COLUMN phone_verified INTEGER;
ALTER TABLE user_account ADD COLUMN search_version INTEGER NOT NULL DEFAULT 0;
CREATE INDEX user_account_unsearchable ON user_account (user_id) WHERE search_version = 0;

-- Each order that a list can have ends with user_id, which makes it one order. What has no value
-- comes first.
DROP INDEX user_account_by_email;
CREATE INDEX user_account_by_email ON user_account (email, user_id);
CREATE INDEX user_account_by_username ON user_account (username, user_id);
CREATE INDEX user_account_by_name ON user_account (name_folded, user_id);
CREATE INDEX user_account_by_nickname ON user_account (nickname_folded, user_id);
CREATE INDEX user_account_by_given_name ON user_account (given_name_folded, user_id);
CREATE INDEX user_account_by_family_name ON user_account (family_name_folded, user_id);
CREATE INDEX user_account_by_phone_number ON user_account (phone_number, user_id);
CREATE INDEX user_account_by_last_ip ON user_account (last_ip, user_id);
CREATE INDEX user_account_by_email_domain ON user_account (email_domain, created_at, user_id);
CREATE INDEX user_account_by_connection ON user_account (connection, created_at, user_id);
CREATE INDEX user_account_by_email_verified ON user_account (email_verified, created_at, user_id);
CREATE INDEX user_account_by_blocked ON user_account (blocked, created_at, user_id);
CREATE INDEX user_account_by_phone_verified ON user_account (phone_verified, created_at, user_id);
CREATE INDEX user_account_by_updated_at ON user_account (updated_at, user_id);
CREATE INDEX user_account_by_last_login ON user_account (last_login, user_id);
CREATE INDEX user_account_by_logins_count ON user_account (logins_count, user_id);

-- The scalars of a user's metadata, a row each. path: the names on the way, joined by dots, beginning
-- with app_metadata or user_metadata; arrays are passed through. value: as text.
CREATE TABLE user_search_value (
    user_id TEXT NOT NULL REFERENCES user_account (user_id) ON DELETE CASCADE,
    path    TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (user_id, path, value)
) STRICT;
CREATE INDEX user_search_value_by_value ON user_search_value (path, value, user_id);

-- Members of documents that lists are filtered by.
ALTER TABLE client ADD COLUMN app_type TEXT;
ALTER TABLE client ADD COLUMN is_first_party INTEGER NOT NULL DEFAULT TRUE;
UPDATE client SET app_type = json_extract(document, '$.app_type'),
    is_first_party = COALESCE(json_extract(document, '$.is_first_party'), TRUE);
ALTER TABLE client_grant ADD COLUMN any_organization INTEGER NOT NULL DEFAULT FALSE;
UPDATE client_grant
SET any_organization = COALESCE(json_extract(document, '$.allow_any_organization'), FALSE);

-- The filters and orders of the other lists.
CREATE INDEX client_created ON client (created_at, client_id);
CREATE INDEX client_by_app_type ON client (app_type, created_at, client_id);
CREATE INDEX client_by_first_party ON client (is_first_party, created_at, client_id);
CREATE INDEX resource_server_created ON resource_server (created_at, id);
CREATE INDEX organization_created ON organization (created_at, id);
CREATE INDEX client_grant_created ON client_grant (created_at, id);
DROP INDEX client_grant_audience;
CREATE INDEX client_grant_audience ON client_grant (audience, created_at, id);
CREATE INDEX client_grant_subject_type ON client_grant (subject_type, created_at, id);
CREATE INDEX client_grant_any_organization ON client_grant (any_organization, created_at, id);
DROP INDEX consent_client;
CREATE INDEX consent_client ON consent (client_id, user_id, audience);
CREATE INDEX consent_audience ON consent (audience, user_id, client_id);
CREATE INDEX audit_client_date ON audit (client_id, date);
