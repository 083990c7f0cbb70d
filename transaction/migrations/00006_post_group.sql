-- +goose Up
-- post_group decides and writes a group of postings: one call, one commit. It takes the place
-- of the function of that name before it (00002).
--
-- Arguments: the accounts taking part, distinct and sorted; then one array for each property
-- of a posting, where src and dst are 1-based places in accounts. An empty text means none.
-- A fee stands or falls with the posting right before it.
-- Result: one row for each posting in the order given. outcome is 'posted', 'replayed' (the
-- key's first answer again), 'settled' (the payment or dispute was moved on before) or the code
-- of the refusal; a refused posting leaves nothing behind and does not touch its neighbours.
--
-- Accounts are locked in the order of their ids, so groups cannot deadlock, and everything
-- that is decided here is decided while they are held; then holds, payments and disputes.

DROP FUNCTION post_group;

-- +goose StatementBegin
CREATE FUNCTION post_group(
    accounts uuid[], ids uuid[], kinds text[], src int[], dst int[], amounts bigint[], currencies text[],
    descriptions text[], callers text[], operators boolean[], originals text[], payments text[], disputes text[],
    holds text[], keys text[], hashes bytea[]
) RETURNS TABLE (n int, outcome text, transfer_id uuid, posted_at timestamptz, src_balance bigint, dst_balance bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
#variable_conflict use_column
DECLARE
    most     CONSTANT bigint := 9007199254740991;
    size     CONSTANT int := cardinality(ids);
    a        record;      -- an account as it was locked
    k        record;      -- an earlier use of a key
    -- the accounts, by place
    kind_of  text[] := array_fill(NULL::text, ARRAY[cardinality(accounts)]);
    owner_of text[] := array_fill(NULL::text, ARRAY[cardinality(accounts)]);
    status_of text[] := array_fill(NULL::text, ARRAY[cardinality(accounts)]);
    currency_of text[] := array_fill(NULL::text, ARRAY[cardinality(accounts)]);
    balance_of bigint[] := array_fill(0::bigint, ARRAY[cardinality(accounts)]);
    held_of  bigint[] := array_fill(0::bigint, ARRAY[cardinality(accounts)]);
    blocked  uuid[];      -- accounts that a dispute keeps money in
    seq_of   bigint[] := array_fill(0::bigint, ARRAY[cardinality(accounts)]);
    -- the postings, by place
    outcomes text[] := array_fill(NULL::text, ARRAY[size]);
    earlier  uuid[] := array_fill(NULL::uuid, ARRAY[size]);
    src_seq  bigint[] := array_fill(0::bigint, ARRAY[size]);
    dst_seq  bigint[] := array_fill(0::bigint, ARRAY[size]);
    src_bal  bigint[] := array_fill(0::bigint, ARRAY[size]);
    dst_bal  bigint[] := array_fill(0::bigint, ARRAY[size]);
    at       timestamptz := '-infinity';
    f        int;
    t        int;
    booked   boolean;     -- it only writes down what happened elsewhere
    released bigint;      -- minor units of the hold that is captured
    verdict  text;
BEGIN
    FOR a IN
        SELECT u.place, acc.kind, acc.owner_id, acc.status, acc.currency, acc.balance, acc.held, acc.last_seq, acc.last_entry_at
        FROM unnest(accounts) WITH ORDINALITY u (id, place) JOIN account acc ON acc.id = u.id
        ORDER BY acc.id FOR UPDATE OF acc
    LOOP
        kind_of[a.place] := a.kind;
        owner_of[a.place] := coalesce(a.owner_id::text, '');
        status_of[a.place] := a.status;
        currency_of[a.place] := a.currency;
        balance_of[a.place] := a.balance;
        held_of[a.place] := a.held;
        seq_of[a.place] := a.last_seq;
        at := greatest(at, a.last_entry_at);
    END LOOP;
    -- Time never runs backwards within an account, whatever the clock does.
    at := greatest(at, clock_timestamp());

    SELECT array_agg(d.account_id) INTO blocked FROM dispute d WHERE d.account_id = ANY (accounts)
        AND (d.status IN ('received', 'open') OR d.status = 'lost' AND d.recovered < d.amount);

    -- Read after locking: a posting with the same key has committed by now or is not there.
    FOR k IN
        SELECT u.place, i.operation, i.request_hash, i.resource_id
        FROM unnest(callers, keys) WITH ORDINALITY u (caller, key, place)
        JOIN idempotency i ON i.owner_id = nullif(u.caller, '')::uuid AND i.key = u.key
        WHERE u.key <> ''
    LOOP
        IF k.operation = 'transfer' AND k.request_hash = hashes[k.place] THEN
            outcomes[k.place] := 'replayed';
            earlier[k.place] := k.resource_id;
        ELSE
            outcomes[k.place] := 'idempotency_key_reused';
        END IF;
    END LOOP;

    FOR i IN 1 .. size LOOP
        CONTINUE WHEN outcomes[i] IS NOT NULL;
        f := src[i];
        t := dst[i];
        -- What happened at a provider is booked, whatever the wallet's owner or a bank want meanwhile.
        booked := kinds[i] NOT IN ('transfer', 'reversal');
        released := 0;
        verdict := CASE
            WHEN kind_of[f] IS NULL THEN 'wallet_not_found'
            WHEN NOT booked AND NOT operators[i] AND owner_of[f] IS DISTINCT FROM callers[i]
                AND (holds[i] = '' OR owner_of[t] IS DISTINCT FROM callers[i]) THEN 'wallet_not_found'
            WHEN kind_of[t] IS NULL OR (kind_of[t] = 'system') <> (booked AND kinds[i] <> 'topup') THEN 'recipient_unknown'
            WHEN (kind_of[f] = 'system') <> (kinds[i] IN ('topup', 'dispute', 'dispute_won')) THEN 'wallet_not_found'
            WHEN kinds[i] = 'fee' AND outcomes[i - 1] IS DISTINCT FROM 'posted' THEN 'settled'
            WHEN status_of[f] = 'closed' OR status_of[t] = 'closed' THEN 'wallet_not_active'
            -- An owner's freeze stops spending and receiving, but not money on its way home.
            WHEN status_of[f] = 'frozen' AND NOT operators[i] AND NOT booked THEN 'wallet_not_active'
            WHEN status_of[t] = 'frozen' AND kinds[i] = 'transfer' THEN 'wallet_not_active'
            WHEN currency_of[f] <> currencies[i] OR currency_of[t] <> currencies[i] THEN 'currency_mismatch'
            WHEN accounts[f] = ANY (blocked) AND NOT operators[i] AND NOT booked THEN 'wallet_blocked'
        END;
        IF verdict IS NULL AND holds[i] <> '' THEN
            SELECT h.amount, CASE
                    WHEN h.status <> 'pending' AND payments[i] <> '' THEN 'settled'
                    WHEN h.status <> 'pending' OR h.expires_at <= at THEN 'hold_ended'
                    WHEN amounts[i] > h.amount THEN 'capture_exceeds_hold' END
            INTO released, verdict
            FROM hold h WHERE h.id = holds[i]::uuid AND h.account_id = accounts[f] AND h.to_account = accounts[t];
            IF NOT FOUND THEN
                verdict := 'transfer_not_found';
            END IF;
        END IF;
        IF verdict IS NULL THEN
            verdict := CASE
                WHEN kind_of[f] = 'wallet' AND balance_of[f] - held_of[f] + released < amounts[i] THEN 'insufficient_funds'
                WHEN balance_of[t] > most - amounts[i] OR balance_of[f] < amounts[i] - most THEN 'balance_limit_exceeded'
                WHEN kinds[i] = 'reversal' THEN reversal_verdict(originals[i]::uuid, accounts[f], accounts[t], amounts[i] + (
                    SELECT coalesce(sum(amounts[j]), 0) FROM generate_series(1, i - 1) j
                    WHERE originals[j] = originals[i] AND outcomes[j] = 'posted'))
            END;
        END IF;
        IF verdict IS NULL AND payments[i] <> '' THEN
            verdict := settle_payment(kinds[i], payments[i]::uuid, ids[i],
                accounts[CASE kinds[i] WHEN 'topup' THEN t ELSE f END], amounts[i], at);
        ELSIF verdict IS NULL AND disputes[i] <> '' THEN
            verdict := move_dispute(kinds[i], disputes[i]::uuid, ids[i], accounts[f], amounts[i], at);
        END IF;
        IF verdict IS NULL AND holds[i] <> '' THEN
            UPDATE hold SET status = 'captured', captured = amounts[i], ended_at = at WHERE id = holds[i]::uuid;
            held_of[f] := held_of[f] - released;
        END IF;
        outcomes[i] := coalesce(verdict, 'posted');
        CONTINUE WHEN verdict IS NOT NULL;
        balance_of[f] := balance_of[f] - amounts[i];
        balance_of[t] := balance_of[t] + amounts[i];
        seq_of[f] := seq_of[f] + 1;
        seq_of[t] := seq_of[t] + 1;
        src_bal[i] := balance_of[f];
        dst_bal[i] := balance_of[t];
        src_seq[i] := seq_of[f];
        dst_seq[i] := seq_of[t];
    END LOOP;

    INSERT INTO transfer (id, kind, from_account, to_account, amount, currency, description, reverses, created_at)
    SELECT ids[i], kinds[i], accounts[src[i]], accounts[dst[i]], amounts[i], currencies[i], descriptions[i],
           nullif(originals[i], '')::uuid, at
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted';

    INSERT INTO entry (account_id, created_at, seq, transfer_id, amount, balance_after)
    SELECT accounts[src[i]], at, src_seq[i], ids[i], -amounts[i], src_bal[i]
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted'
    UNION ALL
    SELECT accounts[dst[i]], at, dst_seq[i], ids[i], amounts[i], dst_bal[i]
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted';

    UPDATE account SET balance = u.balance, held = u.held, last_seq = u.seq, last_entry_at = at
    FROM unnest(accounts, balance_of, held_of, seq_of) u (id, balance, held, seq)
    WHERE account.id = u.id AND account.last_seq <> u.seq;

    INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id, created_at)
    SELECT callers[i]::uuid, keys[i], 'transfer', hashes[i], ids[i], at
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted' AND keys[i] <> ''
    ORDER BY callers[i], keys[i]; -- two groups meeting in one key wait here, in one order

    INSERT INTO outbox (id, type, subject, sequence, key, payload, occurred_at)
    SELECT ids[i], 'micropay.transfer.posted.v1', ids[i], 1, accounts[CASE kind_of[src[i]] WHEN 'wallet' THEN src[i] ELSE dst[i] END],
           jsonb_build_object(
               'transfer_id', ids[i], 'kind', kinds[i], 'amount', amounts[i], 'currency', currencies[i], 'description', descriptions[i],
               'from_wallet_id', accounts[src[i]], 'from_user_id', nullif(owner_of[src[i]], ''),
               'from_balance', CASE kind_of[src[i]] WHEN 'wallet' THEN src_bal[i] END, 'from_sequence', src_seq[i],
               'to_wallet_id', accounts[dst[i]], 'to_user_id', nullif(owner_of[dst[i]], ''),
               'to_balance', CASE kind_of[dst[i]] WHEN 'wallet' THEN dst_bal[i] END, 'to_sequence', dst_seq[i],
               'reverses', nullif(originals[i], '')), at
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted';

    RETURN QUERY
    SELECT i, outcomes[i], coalesce(earlier[i], ids[i]), at, src_bal[i], dst_bal[i] FROM generate_series(1, size) i;
END $$;

-- settle_payment marks a payment as succeeded by a transfer of its amount, or says 'settled': its
-- outcome was known before. A refund moves its top-up on, too.
CREATE FUNCTION settle_payment(kind text, payment uuid, transfer uuid, account uuid, amount bigint, at timestamptz) RETURNS text
LANGUAGE plpgsql SET search_path = "transaction", pg_temp AS $$
#variable_conflict use_column
BEGIN
    IF $1 = 'fee' THEN
        UPDATE payment p SET fee_transfer_id = $3 WHERE p.id = $2 AND p.account_id = $4 AND p.fee = $5;
        RETURN CASE WHEN NOT FOUND THEN 'settled' END;
    END IF;
    -- A payment that was made due meanwhile, by a notification, is looked at again.
    UPDATE payment p SET status = 'succeeded', transfer_id = $3, cause = 'settled', updated_at = $6,
        look_at = CASE WHEN p.look_at <= clock_timestamp() THEN p.look_at END
    WHERE p.id = $2 AND p.kind = $1 AND p.account_id = $4 AND p.amount = $5
      AND p.status IN ('created', 'requires_action', 'processing');
    IF NOT FOUND THEN
        RETURN 'settled';
    END IF;
    UPDATE payment o SET refunded = o.refunded + $5, cause = 'refund', updated_at = $6, status = CASE
        WHEN o.status = 'disputed' THEN o.status
        WHEN o.refunded + $5 = o.amount THEN 'refunded'
        ELSE 'partially_refunded' END
    FROM payment r WHERE r.id = $2 AND o.id = r.parent_id;
    RETURN NULL;
END $$;

-- move_dispute books a step of a dispute, or says 'settled': it was booked before.
CREATE FUNCTION move_dispute(kind text, dispute uuid, transfer uuid, account uuid, amount bigint, at timestamptz) RETURNS text
LANGUAGE plpgsql SET search_path = "transaction", pg_temp AS $$
#variable_conflict use_column
BEGIN
    CASE $1
    WHEN 'dispute' THEN
        UPDATE dispute d SET status = 'open', opened_by = $3, updated_at = $6
        WHERE d.id = $2 AND d.status = 'received' AND d.amount = $5;
    WHEN 'dispute_won' THEN
        UPDATE dispute d SET status = 'won', closed_by = $3, updated_at = $6
        WHERE d.id = $2 AND d.status = 'open' AND d.amount = $5;
    WHEN 'recovery' THEN
        UPDATE dispute d SET recovered = d.recovered + $5, updated_at = $6
        WHERE d.id = $2 AND d.status = 'lost' AND d.account_id = $4 AND d.recovered + $5 <= d.amount;
    END CASE;
    IF NOT FOUND THEN
        RETURN 'settled';
    END IF;
    UPDATE payment p SET cause = 'dispute', updated_at = $6, status = CASE
        WHEN EXISTS (SELECT FROM dispute o WHERE o.payment_id = p.id AND o.status <> 'won') THEN 'disputed'
        WHEN p.refunded = 0 THEN 'succeeded'
        WHEN p.refunded = p.amount THEN 'refunded'
        ELSE 'partially_refunded' END
    FROM dispute d WHERE d.id = $2 AND p.id = d.payment_id;
    RETURN NULL;
END $$;

-- Only ways through an index are left to plan with, as in 00003.
DO $$
DECLARE
    f text;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY['post_group', 'settle_payment', 'move_dispute'] LOOP
        FOREACH setting IN ARRAY ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan'] LOOP
            EXECUTE format('ALTER FUNCTION %I SET %I = off', f, setting);
        END LOOP;
    END LOOP;
    REVOKE ALL ON FUNCTION post_group, settle_payment, move_dispute FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'micropay_transaction') THEN
        GRANT EXECUTE ON FUNCTION post_group TO micropay_transaction;
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$ BEGIN
    RAISE EXCEPTION 'not undone: the tables before it cannot say what was paid since; restore a backup';
END $$;
-- +goose StatementEnd
