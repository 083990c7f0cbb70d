-- +goose Up
-- A hold keeps money of a wallet for one receiver: it stays in the balance, but what is held is
-- not available. A dispute is a payer's bank taking a top-up back.
--
-- Whoever changes a hold locks its account first, as post_group does: one order, no deadlock.

ALTER TABLE account
    ADD COLUMN held bigint NOT NULL DEFAULT 0, -- minor units, the sum of its pending holds
    ADD CONSTRAINT account_held_is_there CHECK (held >= 0 AND (held = 0 OR held <= balance));

CREATE TABLE hold (
    id          uuid PRIMARY KEY,            -- also of the transfer that captures it
    account_id  uuid NOT NULL REFERENCES account (id),
    to_account  uuid NOT NULL REFERENCES account (id),
    amount      bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    currency    text NOT NULL,
    description text NOT NULL DEFAULT '',
    status      text NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'captured', 'voided', 'expired')),
    captured    bigint NOT NULL DEFAULT 0,
    expires_at  timestamptz,                 -- null: it lasts until its payment's outcome is known
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    ended_at    timestamptz,
    CONSTRAINT hold_captured_within CHECK (captured BETWEEN 0 AND amount AND (status = 'captured') = (captured > 0)),
    CONSTRAINT hold_ended_iff_not_pending CHECK ((status = 'pending') = (ended_at IS NULL))
);
CREATE INDEX hold_expiring ON hold (expires_at) WHERE status = 'pending' AND expires_at IS NOT NULL;
CREATE INDEX hold_pending ON hold (account_id) WHERE status = 'pending';

ALTER TABLE payment ADD COLUMN hold_id uuid REFERENCES hold (id);
ALTER TABLE payment ADD CONSTRAINT payment_outgoing_is_held CHECK ((kind = 'topup') = (hold_id IS NULL));
CREATE INDEX payment_hold ON payment (hold_id) WHERE hold_id IS NOT NULL;

CREATE TABLE dispute (
    id           uuid PRIMARY KEY,
    payment_id   uuid NOT NULL REFERENCES payment (id),
    account_id   uuid NOT NULL REFERENCES account (id), -- the wallet that the payment topped up
    provider     text NOT NULL,
    provider_ref text NOT NULL,
    amount       bigint NOT NULL CHECK (amount BETWEEN 1 AND 9007199254740991),
    currency     text NOT NULL,
    status       text NOT NULL DEFAULT 'received' CHECK (status IN ('received', 'open', 'won', 'lost')),
    recovered    bigint NOT NULL DEFAULT 0, -- minor units that the wallet paid back of a lost one
    opened_by    uuid REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED,
    closed_by    uuid REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED,
    created_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    updated_at   timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT dispute_once UNIQUE (provider, provider_ref),
    CONSTRAINT dispute_posted CHECK ((status = 'received') = (opened_by IS NULL) AND (status = 'won') = (closed_by IS NOT NULL)),
    CONSTRAINT dispute_recovered_within CHECK (recovered BETWEEN 0 AND amount AND (recovered = 0 OR status = 'lost'))
);
CREATE INDEX dispute_payment ON dispute (payment_id);
-- What keeps money from leaving a wallet.
CREATE INDEX dispute_blocking ON dispute (account_id) WHERE status IN ('received', 'open') OR status = 'lost' AND recovered < amount;

-- place_hold holds amount of src for dst, or says why not: the code of the refusal. For a
-- payment dst is the provider's account.
-- +goose StatementBegin
CREATE FUNCTION place_hold(
    hold uuid, owner uuid, src uuid, dst uuid, amount bigint, currency text, description text, expires timestamptz, for_payment boolean
) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
#variable_conflict use_column
DECLARE
    f       record;
    t       record;
    verdict text;
BEGIN
    SELECT a.kind, a.owner_id, a.status, a.currency, a.balance, a.held INTO f FROM account a WHERE a.id = $3 FOR UPDATE;
    SELECT a.kind, a.status, a.currency INTO t FROM account a WHERE a.id = $4;
    verdict := CASE
        WHEN f.owner_id IS DISTINCT FROM $2 THEN 'wallet_not_found'
        WHEN t.kind IS NULL OR (t.kind = 'system') <> $9 THEN 'recipient_unknown'
        WHEN f.status <> 'active' OR t.status <> 'active' THEN 'wallet_not_active'
        WHEN f.currency <> $6 OR t.currency <> $6 THEN 'currency_mismatch'
        WHEN EXISTS (SELECT FROM dispute d WHERE d.account_id = $3
                     AND (d.status IN ('received', 'open') OR d.status = 'lost' AND d.recovered < d.amount)) THEN 'wallet_blocked'
        WHEN f.balance - f.held < $5 THEN 'insufficient_funds'
    END;
    IF verdict IS NULL THEN
        INSERT INTO hold (id, account_id, to_account, amount, currency, description, expires_at) VALUES ($1, $3, $4, $5, $6, $7, $8);
        UPDATE account a SET held = a.held + $5 WHERE a.id = $3;
    END IF;
    RETURN verdict;
END $$;

-- release_hold lets a pending hold go: 'voided', or 'expired' if its time has passed. What a
-- payment holds goes only with the payment. It reports whether it did.
CREATE FUNCTION release_hold(hold uuid, outcome text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
DECLARE
    freed record;
BEGIN
    PERFORM FROM account a WHERE a.id = (SELECT h.account_id FROM hold h WHERE h.id = $1) FOR UPDATE;
    UPDATE hold h SET status = $2, ended_at = clock_timestamp()
    WHERE h.id = $1 AND h.status = 'pending' AND $2 IN ('voided', 'expired')
      AND ($2 = 'voided' OR h.expires_at <= clock_timestamp())
      AND NOT EXISTS (SELECT FROM payment p WHERE p.hold_id = h.id AND p.status NOT IN ('failed', 'canceled'))
    RETURNING h.account_id, h.amount INTO freed;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    UPDATE account a SET held = a.held - freed.amount WHERE a.id = freed.account_id;
    RETURN true;
END $$;

-- reroute_payment gives a payment that no provider has heard of to another one, with its fee and
-- what it holds, or says why not.
CREATE FUNCTION reroute_payment(payment uuid, provider text, fee bigint, dst uuid) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
DECLARE
    p    record;
    more bigint; -- minor units to be held besides
BEGIN
    PERFORM FROM account a WHERE a.id = (SELECT x.account_id FROM payment x WHERE x.id = $1) FOR UPDATE;
    SELECT x.account_id, x.hold_id, x.fee INTO p FROM payment x WHERE x.id = $1 AND x.status = 'created' FOR UPDATE;
    IF NOT FOUND THEN
        RETURN 'payment_not_found';
    END IF;
    IF p.hold_id IS NOT NULL THEN
        more := $3 - p.fee;
        UPDATE account a SET held = a.held + more WHERE a.id = p.account_id AND a.balance - a.held >= more;
        IF NOT FOUND THEN
            RETURN 'insufficient_funds';
        END IF;
        UPDATE hold h SET to_account = $4, amount = h.amount + more WHERE h.id = p.hold_id;
    END IF;
    UPDATE payment x SET provider = $2, fee = $3, cause = 'another provider', updated_at = clock_timestamp() WHERE x.id = $1;
    RETURN NULL;
END $$;

-- abandon_payment cancels a payment that no provider has heard of, and forgets its key.
CREATE FUNCTION abandon_payment(payment uuid, key text, cause text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
DECLARE
    gone record;
BEGIN
    PERFORM FROM account a WHERE a.id = (SELECT p.account_id FROM payment p WHERE p.id = $1) FOR UPDATE;
    UPDATE payment p SET status = 'canceled', cause = $3, look_at = NULL, updated_at = clock_timestamp()
    WHERE p.id = $1 AND p.status = 'created' RETURNING p.owner_id, p.hold_id INTO gone;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    PERFORM release_hold(gone.hold_id, 'voided');
    DELETE FROM idempotency i WHERE i.owner_id = gone.owner_id AND i.key = $2 AND i.resource_id = $1;
    RETURN true;
END $$;

DO $$
BEGIN
    REVOKE ALL ON FUNCTION place_hold, release_hold, reroute_payment, abandon_payment FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'micropay_transaction') THEN
        GRANT SELECT ON hold, dispute TO micropay_transaction;
        GRANT EXECUTE ON FUNCTION place_hold, release_hold, reroute_payment, abandon_payment TO micropay_transaction;
        GRANT INSERT (hold_id) ON payment TO micropay_transaction;
        GRANT INSERT (id, payment_id, account_id, provider, provider_ref, amount, currency), UPDATE (status, updated_at)
            ON dispute TO micropay_transaction;
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$ BEGIN
    RAISE EXCEPTION 'not undone: the tables before it cannot say what was paid since; restore a backup';
END $$;
-- +goose StatementEnd
