-- +goose Up
-- Who people are, whichever identity provider proves it. The running service connects as
-- micropay_auth.

CREATE TABLE users (
    id             uuid PRIMARY KEY,          -- the "sub" of the person's tokens
    email          text UNIQUE,               -- canonical form, see auth/domain/email.go
    name           text NOT NULL,
    email_verified boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL,
    deleted_at     timestamptz,               -- a deleted user keeps the id and nothing else
    CONSTRAINT users_deleted_is_forgotten CHECK ((deleted_at IS NULL) = (email IS NOT NULL) AND (deleted_at IS NULL OR name = ''))
);

-- Tokens that are dead before they expire, in the order in which that became visible.
CREATE TABLE revocation (
    seq        bigint PRIMARY KEY,
    kind       text NOT NULL CHECK (kind IN ('session', 'user')),
    id         text NOT NULL,
    revoked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL           -- by then the tokens concerned have expired anyway
);
CREATE INDEX revocation_id ON revocation (id, kind);
CREATE INDEX revocation_expiry ON revocation (expires_at);
CREATE SEQUENCE revocation_seq;

-- record_revocation appends to the feed, or keeps an earlier line that says the same (a session ends
-- once, and no token of it is issued after that). It holds
-- the feed until the transaction ends, so a line that becomes visible is the last one: who has
-- read up to a seq has missed nothing before it. Call it last in a transaction.
-- +goose StatementBegin
CREATE FUNCTION record_revocation(a_kind text, an_id text, revoked timestamptz, expires timestamptz)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('micropay auth revocation feed'));
    INSERT INTO revocation (seq, kind, id, revoked_at, expires_at)
    SELECT nextval('revocation_seq'), a_kind, an_id, revoked, expires
    WHERE NOT EXISTS (
        SELECT 1 FROM revocation r
        WHERE r.id = an_id AND r.kind = a_kind AND (a_kind = 'session' OR r.revoked_at >= revoked AND r.expires_at >= expires));
END
$$;
-- +goose StatementEnd

-- Where roles are not kept apart (a developer's own database) there is nobody to grant to.
-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'micropay_auth') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO micropay_auth', current_schema());
        GRANT SELECT, INSERT, UPDATE (name, email, email_verified, deleted_at) ON users TO micropay_auth;
        GRANT SELECT, INSERT, DELETE ON revocation TO micropay_auth;
        GRANT USAGE ON SEQUENCE revocation_seq TO micropay_auth;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION record_revocation;
DROP SEQUENCE revocation_seq;
DROP TABLE revocation;
DROP TABLE users;
