-- +goose Up
-- post_group decides and writes a group of postings: one call, one commit.
--
-- Arguments: the accounts taking part, distinct and sorted; then one array for each property
-- of a posting, where src and dst are 1-based places in accounts. An empty text means none.
-- Result: one row for each posting in the order given. outcome is 'posted', 'replayed' (the
-- key's first answer again), 'settled' (the top-up was credited before) or the code of the
-- refusal; a refused posting leaves nothing behind and does not touch its neighbours.
--
-- Accounts are locked in the order of their ids, so groups cannot deadlock, and everything
-- that is decided here is decided while they are held.

-- +goose StatementBegin
CREATE FUNCTION post_group(
    accounts uuid[], ids uuid[], kinds text[], src int[], dst int[], amounts bigint[], currencies text[],
    descriptions text[], callers text[], operators boolean[], originals text[], topups text[],
    keys text[], hashes bytea[]
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
    verdict  text;
BEGIN
    FOR a IN
        SELECT u.place, acc.kind, acc.owner_id, acc.status, acc.currency, acc.balance, acc.last_seq, acc.last_entry_at
        FROM unnest(accounts) WITH ORDINALITY u (id, place) JOIN account acc ON acc.id = u.id
        ORDER BY acc.id FOR UPDATE OF acc
    LOOP
        kind_of[a.place] := a.kind;
        owner_of[a.place] := coalesce(a.owner_id::text, '');
        status_of[a.place] := a.status;
        currency_of[a.place] := a.currency;
        balance_of[a.place] := a.balance;
        seq_of[a.place] := a.last_seq;
        at := greatest(at, a.last_entry_at);
    END LOOP;
    -- Time never runs backwards within an account, whatever the clock does.
    at := greatest(at, clock_timestamp());

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
        verdict := CASE
            WHEN kind_of[f] IS NULL THEN 'wallet_not_found'
            WHEN kinds[i] <> 'topup' AND NOT operators[i] AND owner_of[f] IS DISTINCT FROM callers[i] THEN 'wallet_not_found'
            WHEN kind_of[t] IS NULL OR kind_of[t] = 'system' THEN 'recipient_unknown'
            WHEN (kind_of[f] = 'system') <> (kinds[i] = 'topup') THEN 'wallet_not_found'
            WHEN status_of[f] = 'closed' OR status_of[t] = 'closed' THEN 'wallet_not_active'
            -- An owner's freeze stops spending and receiving, but not money on its way home.
            WHEN status_of[f] = 'frozen' AND NOT operators[i] THEN 'wallet_not_active'
            WHEN status_of[t] = 'frozen' AND kinds[i] = 'transfer' THEN 'wallet_not_active'
            WHEN currency_of[f] <> currencies[i] OR currency_of[t] <> currencies[i] THEN 'currency_mismatch'
            WHEN kind_of[f] = 'wallet' AND balance_of[f] < amounts[i] THEN 'insufficient_funds'
            WHEN balance_of[t] > most - amounts[i] OR balance_of[f] < amounts[i] - most THEN 'balance_limit_exceeded'
            WHEN kinds[i] = 'reversal' THEN reversal_verdict(originals[i]::uuid, accounts[f], accounts[t], amounts[i] + (
                SELECT coalesce(sum(amounts[j]), 0) FROM generate_series(1, i - 1) j
                WHERE originals[j] = originals[i] AND outcomes[j] = 'posted'))
        END;
        IF verdict IS NULL AND kinds[i] = 'topup' THEN
            UPDATE topup SET status = 'succeeded', transfer_id = ids[i], updated_at = at
            WHERE id = topups[i]::uuid AND account_id = accounts[t] AND amount = amounts[i]
              AND status IN ('created', 'requires_action', 'processing');
            IF NOT FOUND THEN
                verdict := 'settled';
            END IF;
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

    UPDATE account SET balance = u.balance, last_seq = u.seq, last_entry_at = at
    FROM unnest(accounts, balance_of, seq_of) u (id, balance, seq)
    WHERE account.id = u.id AND account.last_seq <> u.seq;

    INSERT INTO idempotency (owner_id, key, operation, request_hash, resource_id, created_at)
    SELECT callers[i]::uuid, keys[i], 'transfer', hashes[i], ids[i], at
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted' AND keys[i] <> ''
    ORDER BY callers[i], keys[i]; -- two groups meeting in one key wait here, in one order

    INSERT INTO outbox (id, type, payload, occurred_at)
    SELECT ids[i], 'transfer.posted', jsonb_build_object(
               'transfer_id', ids[i], 'kind', kinds[i], 'amount', amounts[i], 'currency', currencies[i],
               'from_wallet_id', accounts[src[i]], 'from_user_id', nullif(owner_of[src[i]], ''),
               'to_wallet_id', accounts[dst[i]], 'to_user_id', nullif(owner_of[dst[i]], ''),
               'reverses', nullif(originals[i], '')), at
    FROM generate_series(1, size) i WHERE outcomes[i] = 'posted';

    RETURN QUERY
    SELECT i, outcomes[i], coalesce(earlier[i], ids[i]), at, src_bal[i], dst_bal[i] FROM generate_series(1, size) i;
END $$;

-- reversal_verdict says why amount of a transfer cannot go back from src to dst, or null.
CREATE FUNCTION reversal_verdict(original uuid, src uuid, dst uuid, amount numeric) RETURNS text
LANGUAGE sql STABLE SET search_path = "transaction", pg_temp AS $$
    SELECT CASE
        WHEN o.id IS NULL OR o.to_account <> $2 OR o.from_account <> $3 THEN 'transfer_not_found'
        WHEN o.kind <> 'transfer' THEN 'transfer_not_reversible'
        WHEN $4 > o.amount - coalesce((SELECT sum(r.amount) FROM transfer r WHERE r.reverses = $1), 0)
            THEN 'reversal_exceeds_transfer'
    END
    FROM (SELECT 1) one LEFT JOIN transfer o ON o.id = $1
$$;

-- forget_keys drops idempotency keys older than age, never those of the last 24 hours, and
-- says how many.
CREATE FUNCTION forget_keys(age interval) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = "transaction", pg_temp AS $$
    WITH gone AS (
        DELETE FROM idempotency WHERE created_at < clock_timestamp() - greatest(age, interval '24 hours') RETURNING 1
    ) SELECT count(*) FROM gone
$$;

-- What the running service may do. Where it connects as the schema's owner (one role only),
-- there is nobody to grant to.
DO $$
BEGIN
    REVOKE ALL ON FUNCTION post_group, reversal_verdict, forget_keys FROM PUBLIC;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'micropay_transaction') THEN
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO micropay_transaction', current_schema());
        GRANT EXECUTE ON FUNCTION post_group, forget_keys TO micropay_transaction;
        GRANT SELECT ON owner, account, transfer, entry, topup, idempotency, outbox, revocation, revocation_cursor
            TO micropay_transaction;
        GRANT INSERT (id), UPDATE (closed_at) ON owner TO micropay_transaction;
        GRANT INSERT (id, kind, owner_id, currency, name, is_default), UPDATE (name, status) ON account TO micropay_transaction;
        GRANT INSERT (id, account_id, owner_id, provider, amount, currency),
              UPDATE (status, provider_ref, failure_code, updated_at) ON topup TO micropay_transaction;
        GRANT INSERT (owner_id, key, operation, request_hash, resource_id) ON idempotency TO micropay_transaction;
        GRANT UPDATE (published_at), DELETE ON outbox TO micropay_transaction;
        GRANT INSERT, UPDATE, DELETE ON revocation TO micropay_transaction;
        GRANT INSERT, UPDATE ON revocation_cursor TO micropay_transaction;
    END IF;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION post_group, reversal_verdict, forget_keys;
