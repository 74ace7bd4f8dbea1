-- What an operator notes about a refresh token: JSON, null for nothing. Neither this nor any other
-- column that is written after issuance has an index.
ALTER TABLE refresh_token_family ADD COLUMN metadata TEXT;

-- Where the login and the last exchange came from. A rotation writes the last two: not indexed.
ALTER TABLE refresh_token_family ADD COLUMN initial_ip TEXT;
ALTER TABLE refresh_token_family ADD COLUMN initial_user_agent TEXT;
ALTER TABLE refresh_token_family ADD COLUMN last_ip TEXT;
ALTER TABLE refresh_token_family ADD COLUMN last_user_agent TEXT;
