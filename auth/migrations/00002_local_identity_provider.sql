-- +goose Up
-- What the local identity provider keeps. With a managed provider these tables stay empty.
-- Nothing here can be used by who reads it: passwords are argon2id, tokens and codes digests.

CREATE TABLE identity (
    subject        uuid PRIMARY KEY,
    email          text NOT NULL UNIQUE,
    name           text NOT NULL,
    password_hash  text NOT NULL,
    scope          text NOT NULL DEFAULT 'micropay', -- of access tokens; an operator's has 'micropay micropay/operator'
    email_verified boolean NOT NULL DEFAULT false,
    created_at     timestamptz NOT NULL
);

CREATE TABLE session (
    id         uuid PRIMARY KEY,              -- "origin_jti" of its tokens
    subject    uuid NOT NULL REFERENCES identity ON DELETE CASCADE,
    auth_time  timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz
);
CREATE INDEX session_subject ON session (subject);
CREATE INDEX session_expiry ON session (expires_at);

-- The family of a session: used tokens are kept, to know a stolen one when it comes again.
CREATE TABLE refresh_token (
    digest     bytea PRIMARY KEY,             -- SHA-256
    session_id uuid NOT NULL REFERENCES session ON DELETE CASCADE,
    issued_at  timestamptz NOT NULL,
    used_at    timestamptz
);
CREATE INDEX refresh_token_session ON refresh_token (session_id);

CREATE TABLE mailed_code (
    id         uuid PRIMARY KEY,
    subject    uuid NOT NULL REFERENCES identity ON DELETE CASCADE,
    purpose    text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    digest     bytea NOT NULL,                -- SHA-256
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    attempts   int NOT NULL DEFAULT 0
);
CREATE INDEX mailed_code_subject ON mailed_code (subject, purpose);
CREATE INDEX mailed_code_expiry ON mailed_code (expires_at);

-- Mail that has been promised. A request to reset names an address whether or not anybody has
-- it: who looks that up is the worker that writes the mail, not the call that asked for it.
-- The code is made when the mail is written, so none is ever stored in the clear.
CREATE TABLE mail_request (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    purpose    text NOT NULL CHECK (purpose IN ('verify', 'reset')),
    email      text NOT NULL,
    due_at     timestamptz NOT NULL,          -- a claimed request is due again when its worker died
    attempts   int NOT NULL DEFAULT 0,
    CONSTRAINT mail_request_once UNIQUE (purpose, email)
);
CREATE INDEX mail_request_due ON mail_request (due_at);

-- Failed attempts since the last success, by account or network address. The key is a digest:
-- people type passwords into the wrong field.
CREATE TABLE failed_attempt (
    key   bytea PRIMARY KEY,
    count int NOT NULL,
    last  timestamptz NOT NULL
);
CREATE INDEX failed_attempt_last ON failed_attempt (last);

CREATE TABLE signing_key (
    kid         text PRIMARY KEY,             -- RFC 7638 thumbprint
    private_key bytea NOT NULL,               -- PKCS #8
    active_at   timestamptz NOT NULL,         -- published before, signs from then on
    retires_at  timestamptz                   -- signs until then, published until its tokens expired
);

-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'micropay_auth') THEN
        GRANT SELECT, INSERT, UPDATE, DELETE ON session, refresh_token, mailed_code, mail_request, failed_attempt, signing_key TO micropay_auth;
        GRANT SELECT, INSERT, UPDATE (password_hash, email_verified), DELETE ON identity TO micropay_auth;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TABLE signing_key, failed_attempt, mail_request, mailed_code, refresh_token, session, identity;
