-- +goose Up
-- A payment is money that crosses the border through a provider: a top-up comes in, a refund
-- gives one back, a withdrawal goes where its owner says. One table, one state machine.
--
-- This renames a table that the program before it uses: stop that one first.

ALTER TABLE topup RENAME TO payment;
ALTER TABLE payment RENAME CONSTRAINT topup_pkey TO payment_pkey;
ALTER INDEX topup_transfer RENAME TO payment_transfer;
DROP INDEX topup_pending, topup_account_pending;
ALTER TABLE payment
    DROP CONSTRAINT topup_status_check,
    DROP CONSTRAINT topup_credited_iff_succeeded,
    ADD COLUMN kind            text NOT NULL DEFAULT 'topup' CHECK (kind IN ('topup', 'refund', 'withdrawal')),
    ADD COLUMN fee             bigint NOT NULL DEFAULT 0 CHECK (fee BETWEEN 0 AND 9007199254740991),
    ADD COLUMN fee_transfer_id uuid REFERENCES transfer (id) DEFERRABLE INITIALLY DEFERRED,
    ADD COLUMN cause           text NOT NULL DEFAULT 'request', -- why it has its status
    ADD COLUMN parent_id       uuid REFERENCES payment (id),    -- of a refund: the top-up
    ADD COLUMN destination     text NOT NULL DEFAULT '',        -- of a withdrawal
    ADD COLUMN refunded        bigint NOT NULL DEFAULT 0,       -- of a top-up: minor units that went back
    ADD COLUMN look_at         timestamptz;                     -- when its provider is to be asked about it
ALTER TABLE payment ALTER COLUMN kind DROP DEFAULT;
UPDATE payment SET look_at = updated_at WHERE status IN ('created', 'requires_action', 'processing');
ALTER TABLE payment
    ADD CONSTRAINT payment_status_known CHECK (status IN ('created', 'requires_action', 'processing', 'succeeded', 'failed',
        'canceled', 'partially_refunded', 'refunded', 'disputed')),
    ADD CONSTRAINT payment_settled_iff_transferred CHECK (
        (status IN ('succeeded', 'partially_refunded', 'refunded', 'disputed')) = (transfer_id IS NOT NULL)),
    ADD CONSTRAINT payment_refunds_bounded CHECK (refunded BETWEEN 0 AND amount AND CASE status
        WHEN 'partially_refunded' THEN refunded > 0 AND refunded < amount
        WHEN 'refunded' THEN refunded = amount
        WHEN 'disputed' THEN true
        ELSE refunded = 0 END),
    ADD CONSTRAINT payment_refund_names_topup CHECK ((kind = 'refund') = (parent_id IS NOT NULL)),
    ADD CONSTRAINT payment_topup_only CHECK (kind = 'topup' OR status NOT IN ('partially_refunded', 'refunded', 'disputed'));
CREATE INDEX payment_due ON payment (provider, look_at) WHERE look_at IS NOT NULL;
CREATE INDEX payment_account_open ON payment (account_id) WHERE status IN ('created', 'requires_action', 'processing');
CREATE INDEX payment_parent ON payment (parent_id) WHERE parent_id IS NOT NULL;
CREATE INDEX payment_ref ON payment (provider, provider_ref) WHERE provider_ref <> '';
CREATE INDEX payment_made ON payment (provider, created_at);

ALTER TABLE idempotency DROP CONSTRAINT idempotency_operation_check;
UPDATE idempotency SET operation = 'payment' WHERE operation = 'topup';
ALTER TABLE idempotency ADD CONSTRAINT idempotency_operation_known CHECK (operation IN ('transfer', 'payment', 'hold'));

ALTER TABLE transfer DROP CONSTRAINT transfer_kind_check;
ALTER TABLE transfer ADD CONSTRAINT transfer_kind_known CHECK (kind IN ('transfer', 'reversal', 'topup', 'refund', 'withdrawal',
    'fee', 'dispute', 'dispute_won', 'recovery'));

-- Every change of a payment's status, for good.
CREATE TABLE payment_transition (
    payment_id  uuid NOT NULL REFERENCES payment (id),
    seq         int NOT NULL CHECK (seq > 0),
    from_status text, -- null: it was stored
    to_status   text NOT NULL,
    cause       text NOT NULL,
    at          timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (payment_id, seq)
);
CREATE TRIGGER payment_transition_append_only BEFORE UPDATE OR DELETE ON payment_transition
    FOR EACH ROW EXECUTE FUNCTION refuse_change();
CREATE TRIGGER payment_transition_never_truncated BEFORE TRUNCATE ON payment_transition
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
INSERT INTO payment_transition (payment_id, seq, to_status, cause, at) SELECT id, 1, status, 'before the log', updated_at FROM payment;

-- payment_may_become is the state machine, the same as domain.PaymentStatus.CanBecome.
CREATE FUNCTION payment_may_become(old text, new text) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT old = new OR new = ANY (CASE old
        WHEN 'created' THEN ARRAY['requires_action', 'processing', 'succeeded', 'failed', 'canceled']
        WHEN 'requires_action' THEN ARRAY['processing', 'succeeded', 'failed', 'canceled']
        WHEN 'processing' THEN ARRAY['requires_action', 'succeeded', 'failed', 'canceled']
        WHEN 'succeeded' THEN ARRAY['partially_refunded', 'refunded', 'disputed']
        WHEN 'partially_refunded' THEN ARRAY['refunded', 'disputed']
        WHEN 'refunded' THEN ARRAY['disputed']
        WHEN 'disputed' THEN ARRAY['succeeded', 'partially_refunded', 'refunded']
        ELSE ARRAY[]::text[] END)
$$;

-- +goose StatementBegin
CREATE FUNCTION log_transition() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
DECLARE
    before text;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        before := OLD.status;
        IF before = NEW.status THEN
            RETURN NULL;
        END IF;
        IF NOT payment_may_become(before, NEW.status) THEN
            RAISE EXCEPTION 'payment %: % cannot become %', NEW.id, before, NEW.status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'payment_legal_transition';
        END IF;
    END IF;
    INSERT INTO payment_transition (payment_id, seq, from_status, to_status, cause)
    SELECT NEW.id, coalesce(max(seq), 0) + 1, before, NEW.status, NEW.cause FROM payment_transition WHERE payment_id = NEW.id;
    RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER payment_transitions AFTER INSERT OR UPDATE OF status ON payment
    FOR EACH ROW EXECUTE FUNCTION log_transition();

-- What providers told us by themselves; each is acted on once.
CREATE TABLE notification (
    provider    text NOT NULL,
    event_id    text NOT NULL CHECK (length(event_id) BETWEEN 1 AND 255),
    type        text NOT NULL,
    payment_id  uuid, -- null: about nothing of ours
    received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (provider, event_id)
);
CREATE INDEX notification_age ON notification (received_at);

-- +goose StatementBegin
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'micropay_transaction') THEN
        GRANT SELECT ON payment_transition, notification TO micropay_transaction;
        GRANT INSERT (kind, fee, parent_id, destination, look_at), UPDATE (cause, look_at)
            ON payment TO micropay_transaction;
        GRANT INSERT (provider, event_id, type, payment_id), DELETE ON notification TO micropay_transaction;
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$ BEGIN
    RAISE EXCEPTION 'not undone: the tables before it cannot say what was paid since; restore a backup';
END $$;
-- +goose StatementEnd
