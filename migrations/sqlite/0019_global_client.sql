-- The client "All Applications": no application, but a place for what concerns all of them. Tools
-- expect exactly one; the protocol does not know it.
ALTER TABLE client ADD COLUMN is_global INTEGER NOT NULL DEFAULT 0;
CREATE UNIQUE INDEX client_global ON client (is_global) WHERE is_global = 1;
INSERT INTO client (client_id, name, document, version, created_at, updated_at, is_global)
VALUES (lower(hex(randomblob(16))), 'All Applications', '{"name":"All Applications","global":true,"callbacks":[],"is_first_party":true,"cross_origin_authentication":false,"custom_login_page_on":true,"refresh_token":{"expiration_type":"non-expiring","leeway":0,"infinite_token_lifetime":true,"infinite_idle_token_lifetime":true,"token_lifetime":2592000,"idle_token_lifetime":1296000,"rotation_type":"non-rotating"}}', 1, 0, 0, 1);
