-- The refresh tokens of a user, dead ones too, are shown page by page with the latest login first.
CREATE INDEX refresh_token_family_recent ON refresh_token_family (user_id, created_at, id);

-- Where a session came from, and where and when it was last used; unknown for older ones.
ALTER TABLE session ADD COLUMN initial_ip TEXT;
ALTER TABLE session ADD COLUMN initial_user_agent TEXT;
ALTER TABLE session ADD COLUMN last_ip TEXT;
ALTER TABLE session ADD COLUMN last_user_agent TEXT;
ALTER TABLE session ADD COLUMN last_used_at BIGINT;
