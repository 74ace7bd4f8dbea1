-- What a token was issued for, and where the request came from.
ALTER TABLE audit ADD COLUMN audience TEXT;
ALTER TABLE audit ADD COLUMN scope TEXT;
ALTER TABLE audit ADD COLUMN ip TEXT;
ALTER TABLE audit ADD COLUMN user_agent TEXT;

-- The logs of a user, and of one kind of event, are read newest first.
CREATE INDEX audit_user_date ON audit (user_id, date);
CREATE INDEX audit_type_date ON audit (type, date);
