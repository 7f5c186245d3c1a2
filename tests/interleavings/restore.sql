-- Keeps the books as they are now, and puts back what has been written since: it deletes the rows that are younger than
-- what was put back last, and inserts those that are missing. Most of a table is left alone, so that it stays as small
-- and as quick to read as it was.
CREATE SCHEMA saved;
CREATE TABLE saved.names AS SELECT name, ordinality AS n FROM unnest(ARRAY[
    'purges', 'ticks', 'failovers', 'idle_times', 'lane_troubles', 'lane_moves', 'looks', 'settlements', 'failure_counts', 'rejected_recipients', 'doubts', 'attempt_slots', 'attempt_hours', 'accepted_counts', 'attempts', 'messages',
    'campaign_lanes', 'campaign_limits', 'lane_limits', 'limits', 'content_versions', 'lanes', 'accounts', 'campaigns', 'audience_members',
    'forgotten_phones', 'opt_outs', 'opted_out', 'confirmed_opt_outs', 'consent_records', 'inbound_messages',
    'inbox_chats', 'inboxes', 'campaign_judgements', 'instances', 'caps', 'frequency_records', 'messaged_phones'
]) WITH ORDINALITY AS t (name);
CREATE TABLE saved.written (name text);
CREATE FUNCTION saved.note_written() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO saved.written VALUES (TG_ARGV[0]);
    RETURN NULL;
END
$$;
DO $$
DECLARE
    each text;
    written regclass;
    columns text;
BEGIN
    FOR each IN SELECT name FROM saved.names LOOP
        EXECUTE format('CREATE TABLE saved.%I AS SELECT * FROM public.%I', each, each);
        -- What is generated is made anew.
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
        WHERE attrelid = format('public.%I', each)::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '';
        -- A function each, so that its plans last.
        EXECUTE format(
            'CREATE FUNCTION saved.put_back_%1$s(bigint) RETURNS void LANGUAGE plpgsql AS $put_back$
            BEGIN
                DELETE FROM public.%1$I WHERE xmin::text::bigint > $1;
                INSERT INTO public.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM saved.%1$I ON CONFLICT DO NOTHING;
            END
            $put_back$', each, columns
        );
        -- A purge writes a partition by its own name.
        FOR written IN SELECT format('public.%I', each)::regclass UNION ALL
            SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = format('public.%I', each)::regclass
        LOOP
            EXECUTE format(
                'CREATE TRIGGER note_written AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH STATEMENT'
                ' EXECUTE FUNCTION saved.note_written(%L)', written, each
            );
        END LOOP;
    END LOOP;
END
$$;
CREATE TABLE saved.latest AS SELECT pg_current_xact_id()::text::bigint AS transaction_id;
-- For a session in the role of a replica, in which no trigger counts what is put back.
CREATE FUNCTION saved.restore() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    each text;
    since bigint;
BEGIN
    FOR each IN SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent IN ('public.messages'::regclass, 'public.attempts'::regclass)
            AND inhrelid NOT IN ('public.messages_0'::regclass, 'public.attempts_0'::regclass)
    LOOP
        EXECUTE 'DROP TABLE ' || each;
    END LOOP;
    SELECT transaction_id INTO since FROM saved.latest;
    FOR each IN SELECT name FROM saved.names WHERE name IN (SELECT w.name FROM saved.written w) ORDER BY n LOOP
        EXECUTE format('SELECT saved.put_back_%I($1)', each) USING since;
    END LOOP;
    UPDATE saved.latest SET transaction_id = pg_current_xact_id()::text::bigint;
    DELETE FROM saved.written;
    DELETE FROM gate.moves;
    DELETE FROM gate.campaign_moves;
END
$$;
