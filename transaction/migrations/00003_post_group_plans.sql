-- +goose Up
-- A session keeps the plans of post_group. One made while a table was small may walk it, and
-- would go on to when it is large; so only ways through an index are left to choose from.

-- +goose StatementBegin
DO $$
DECLARE
    f text;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY['post_group', 'reversal_verdict'] LOOP
        FOREACH setting IN ARRAY ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan'] LOOP
            EXECUTE format('ALTER FUNCTION %I SET %I = off', f, setting);
        END LOOP;
    END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
DO $$
DECLARE
    f text;
    setting text;
BEGIN
    FOREACH f IN ARRAY ARRAY['post_group', 'reversal_verdict'] LOOP
        FOREACH setting IN ARRAY ARRAY['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin', 'enable_bitmapscan'] LOOP
            EXECUTE format('ALTER FUNCTION %I RESET %I', f, setting);
        END LOOP;
    END LOOP;
END $$;
-- +goose StatementEnd
