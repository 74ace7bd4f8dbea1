-- An earlier end of a refresh token that is not exchanged, set by a script at the last exchange and
-- forgotten at the next; null for what the settings of the application say. Written by rotations:
-- not indexed.
ALTER TABLE refresh_token_family ADD COLUMN idle_expires_at INTEGER;
