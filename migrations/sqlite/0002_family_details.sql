-- What an operator notes about a refresh token: JSON, null for nothing. Neither this nor any other
-- column that is written after issuance has an index.
ALTER TABLE refresh_token_family ADD COLUMN metadata TEXT;
