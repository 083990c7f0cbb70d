-- +goose Up
-- People's language, events, and the letters that events promise. The tables outbox, outbox_shard,
-- inbox and queue are transaction's, too.

ALTER TABLE users
    ADD COLUMN locale       text NOT NULL DEFAULT 'en' CHECK (locale ~ '^[a-z]{2}$'), -- see auth/domain/locale.go
    ADD COLUMN mail_stopped boolean NOT NULL DEFAULT false; -- the mail system says that the address is no good, or does not want it
ALTER TABLE identity ADD COLUMN locale text NOT NULL DEFAULT 'en' CHECK (locale ~ '^[a-z]{2}$');

CREATE TABLE outbox (
    id           uuid PRIMARY KEY,           -- the event's id
    type         text NOT NULL,
    subject      text NOT NULL,              -- what it is about
    sequence     bigint NOT NULL,            -- its place among the subject's events
    key          text NOT NULL,              -- what it is kept in order with
    payload      jsonb NOT NULL,
    occurred_at  timestamptz NOT NULL,
    published_at timestamptz,
    seq          bigint GENERATED ALWAYS AS IDENTITY,
    shard        smallint NOT NULL GENERATED ALWAYS AS (hashtext(key) & 15) STORED
);
CREATE INDEX outbox_unpublished ON outbox (shard, seq) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- The replica that leases a shard is the one to publish its events.
CREATE TABLE outbox_shard (
    shard        smallint PRIMARY KEY,
    leased_until timestamptz NOT NULL DEFAULT '-infinity',
    fence        bigint NOT NULL DEFAULT 0 -- number of leases given: a late release ends no other's
);
INSERT INTO outbox_shard (shard) SELECT generate_series(0, 15);

-- Events whose effect stands, written with it.
CREATE TABLE inbox (
    event_id   uuid PRIMARY KEY,
    type       text NOT NULL,
    handled_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX inbox_age ON inbox (handled_at);

CREATE TABLE queue (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id   uuid NOT NULL UNIQUE,
    body       text NOT NULL,
    receives   int NOT NULL DEFAULT 0,
    visible_at timestamptz NOT NULL DEFAULT clock_timestamp(), -- hidden until then
    dead_at    timestamptz                                     -- given up since
);
CREATE INDEX queue_visible ON queue (visible_at) WHERE dead_at IS NULL;
CREATE INDEX queue_dead ON queue (id) WHERE dead_at IS NOT NULL;

-- Letters that an event promised somebody. Address, name and language are looked up when the
-- letter is written.
CREATE TABLE letter (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event_id uuid NOT NULL,
    user_id  uuid NOT NULL,
    kind     text NOT NULL,
    details  jsonb NOT NULL,
    due_at   timestamptz NOT NULL,          -- a claimed letter is due again when its worker died
    attempts int NOT NULL DEFAULT 0,
    CONSTRAINT letter_once UNIQUE (event_id, user_id, kind)
);
CREATE INDEX letter_due ON letter (due_at);

-- +goose StatementBegin
CREATE FUNCTION wake_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify(TG_TABLE_SCHEMA || '_outbox', '');
    RETURN NULL;
END $$;

-- new_id is a UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, the version, then chance.
CREATE FUNCTION new_id() RETURNS uuid LANGUAGE sql VOLATILE AS $$
    SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid())
        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1), 'hex')::uuid
$$;

-- What happens to a person is told with the commit that did it.
CREATE FUNCTION tell_user() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "auth", pg_temp AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at)
        VALUES (new_id(), 'micropay.user.registered.v1', NEW.id, 1, NEW.id,
                jsonb_build_object('user_id', NEW.id, 'locale', NEW.locale, 'email_verified', NEW.email_verified), clock_timestamp());
    END IF;
    IF NEW.email_verified AND NEW.deleted_at IS NULL AND (TG_OP = 'INSERT' OR NOT OLD.email_verified) THEN
        INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at)
        VALUES (new_id(), 'micropay.user.verified.v1', NEW.id, 2, NEW.id, jsonb_build_object('user_id', NEW.id), clock_timestamp());
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.deleted_at IS NOT NULL AND OLD.deleted_at IS NULL THEN
        INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at)
        VALUES (new_id(), 'micropay.user.deleted.v1', NEW.id, 3, NEW.id, jsonb_build_object('user_id', NEW.id), clock_timestamp());
    END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION tell_revocation() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "auth", pg_temp AS $$
BEGIN
    INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at)
    VALUES (new_id(), 'micropay.user.signed_out.v1', NEW.id, NEW.seq, NEW.id, jsonb_build_object('kind', NEW.kind, 'id', NEW.id,
        'revoked_at', to_char(NEW.revoked_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
        'expires_at', to_char(NEW.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')), clock_timestamp());
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER outbox_wakes_relay AFTER INSERT ON outbox FOR EACH STATEMENT EXECUTE FUNCTION wake_relay();
CREATE TRIGGER users_are_told AFTER INSERT OR UPDATE OF email_verified, deleted_at ON users FOR EACH ROW EXECUTE FUNCTION tell_user();
CREATE TRIGGER revocations_are_told AFTER INSERT ON revocation FOR EACH ROW EXECUTE FUNCTION tell_revocation();

-- +goose StatementBegin
DO $$
BEGIN
    REVOKE ALL ON FUNCTION tell_user, tell_revocation FROM PUBLIC;
    IF EXISTS (SELECT 1 FROM pg_roles WHERE rolname = 'micropay_auth') THEN
        GRANT UPDATE (locale, mail_stopped) ON users TO micropay_auth;
        GRANT SELECT, UPDATE (published_at), DELETE ON outbox TO micropay_auth;
        GRANT SELECT, UPDATE (leased_until, fence) ON outbox_shard TO micropay_auth;
        GRANT SELECT, INSERT, DELETE ON inbox TO micropay_auth;
        GRANT SELECT, INSERT, UPDATE, DELETE ON queue, letter TO micropay_auth;
    END IF;
END
$$;
-- +goose StatementEnd

-- +goose Down
DROP TRIGGER revocations_are_told ON revocation;
DROP TRIGGER users_are_told ON users;
DROP FUNCTION tell_revocation, tell_user, new_id;
DROP TABLE letter, queue, inbox, outbox_shard, outbox;
DROP FUNCTION wake_relay;
ALTER TABLE identity DROP COLUMN locale;
ALTER TABLE users DROP COLUMN locale;
