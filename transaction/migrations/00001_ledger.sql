-- +goose Up
-- The running service connects as micropay_transaction, which may not write money: only the
-- function post_group (00002), owned by the owner of this schema, does that.

CREATE TABLE owner (
    id         uuid PRIMARY KEY,             -- the subject of the person's tokens
    closed_at  timestamptz
);

CREATE TABLE account (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('wallet', 'system')),
    owner_id      uuid REFERENCES owner (id),
    currency      text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    name          text NOT NULL,
    status        text NOT NULL DEFAULT 'active' CHECK (status IN ('active', 'frozen', 'closed')),
    is_default    boolean NOT NULL DEFAULT false,
    balance       bigint NOT NULL DEFAULT 0, -- minor units, the sum of the account's entries
    last_seq      bigint NOT NULL DEFAULT 0, -- number of the account's entries
    last_entry_at timestamptz,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT account_wallet_has_owner CHECK ((kind = 'wallet') = (owner_id IS NOT NULL)),
    CONSTRAINT account_wallet_not_negative CHECK (kind = 'system' OR balance >= 0),
    CONSTRAINT account_balance_bounded CHECK (balance BETWEEN -9007199254740991 AND 9007199254740991),
    CONSTRAINT account_closed_is_empty CHECK (status <> 'closed' OR balance = 0)
) WITH (fillfactor = 50); -- balances are updated in place, without touching an index
CREATE INDEX account_owner ON account (owner_id, created_at) WHERE kind = 'wallet';
CREATE UNIQUE INDEX account_one_default ON account (owner_id) WHERE is_default;
CREATE UNIQUE INDEX account_system ON account (name, currency) WHERE kind = 'system';

-- transfer and entry name accounts without foreign keys: their only writer, post_group, holds
-- those very rows locked, and a second look-up for each would double the cost of a posting.
CREATE TABLE transfer (
    id           uuid PRIMARY KEY,
    kind         text NOT NULL CHECK (kind IN ('transfer', 'reversal', 'topup')),
    from_account uuid NOT NULL,
    to_account   uuid NOT NULL,
    amount       bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    currency     text NOT NULL,
    description  text NOT NULL DEFAULT '',
    reverses     uuid REFERENCES transfer (id),
    created_at   timestamptz NOT NULL,
    CONSTRAINT transfer_two_accounts CHECK (from_account <> to_account),
    CONSTRAINT transfer_reversal_names_original CHECK ((kind = 'reversal') = (reverses IS NOT NULL))
);
CREATE INDEX transfer_reverses ON transfer (reverses) WHERE reverses IS NOT NULL;

-- Two for each transfer. The key is the order in which an account is read: its history is a
-- walk down this index and its balance at a moment is one look-up in it.
CREATE TABLE entry (
    account_id    uuid NOT NULL,
    created_at    timestamptz NOT NULL,
    seq           bigint NOT NULL CHECK (seq > 0),
    transfer_id   uuid NOT NULL,
    amount        bigint NOT NULL CHECK (amount <> 0), -- negative leaves the account
    balance_after bigint NOT NULL,
    PRIMARY KEY (account_id, created_at, seq)
);

CREATE TABLE topup (
    id           uuid PRIMARY KEY,
    account_id   uuid NOT NULL REFERENCES account (id),
    owner_id     uuid NOT NULL REFERENCES owner (id),
    provider     text NOT NULL,
    amount       bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    currency     text NOT NULL,
    status       text NOT NULL DEFAULT 'created'
                 CHECK (status IN ('created', 'requires_action', 'processing', 'succeeded', 'failed', 'canceled')),
    provider_ref text NOT NULL DEFAULT '',
    failure_code text NOT NULL DEFAULT '',
    transfer_id  uuid REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT topup_credited_iff_succeeded CHECK ((status = 'succeeded') = (transfer_id IS NOT NULL))
);
CREATE UNIQUE INDEX topup_transfer ON topup (transfer_id) WHERE transfer_id IS NOT NULL;
CREATE INDEX topup_pending ON topup (updated_at) WHERE status IN ('created', 'requires_action', 'processing');
CREATE INDEX topup_account_pending ON topup (account_id) WHERE status IN ('created', 'requires_action', 'processing');

-- One row for each money-moving request that had an effect, written with that effect.
CREATE TABLE idempotency (
    owner_id     uuid NOT NULL,
    key          text NOT NULL CHECK (length(key) BETWEEN 1 AND 255),
    operation    text NOT NULL CHECK (operation IN ('transfer', 'topup')),
    request_hash bytea NOT NULL,
    resource_id  uuid NOT NULL,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (owner_id, key)
);
CREATE INDEX idempotency_age ON idempotency (created_at);

CREATE TABLE outbox (
    id           uuid PRIMARY KEY,           -- the event's id; of a posting, its transfer's
    type         text NOT NULL,
    payload      jsonb NOT NULL,
    occurred_at  timestamptz NOT NULL,
    published_at timestamptz
);
CREATE INDEX outbox_unpublished ON outbox (occurred_at, id) WHERE published_at IS NULL;
CREATE INDEX outbox_published ON outbox (published_at) WHERE published_at IS NOT NULL;

-- Sessions and people whose access tokens are refused, copied from the auth service.
CREATE TABLE revocation (
    kind       text NOT NULL CHECK (kind IN ('session', 'user')),
    id         text NOT NULL,
    revoked_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE TABLE revocation_cursor (
    single   boolean PRIMARY KEY DEFAULT true CHECK (single),
    position text NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER entry_append_only BEFORE UPDATE OR DELETE ON entry
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER entry_never_truncated BEFORE TRUNCATE ON entry
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_append_only BEFORE UPDATE OR DELETE ON transfer
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER transfer_never_truncated BEFORE TRUNCATE ON transfer
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();

-- +goose Down
DROP TABLE revocation_cursor, revocation, outbox, idempotency, topup, entry, transfer, account, owner;
DROP FUNCTION refuse_change();
