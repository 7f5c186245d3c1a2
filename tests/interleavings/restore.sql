-- Keeps the books as they are now, and puts back the tables that have been written since.
CREATE SCHEMA saved;
CREATE TABLE saved.names AS SELECT name, ordinality AS n FROM unnest(ARRAY[
    'purges', 'ticks', 'failovers', 'lane_moves', 'looks', 'settlements', 'failure_counts', 'rejected_recipients', 'doubts', 'attempt_slots', 'attempt_hours', 'attempts', 'messages',
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
BEGIN
    FOR each IN SELECT name FROM saved.names LOOP
        EXECUTE format('CREATE TABLE saved.%I AS SELECT * FROM public.%I', each, each);
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
CREATE FUNCTION saved.restore() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    each text;
BEGIN
    PERFORM set_config('session_replication_role', 'replica', true);
    FOR each IN SELECT inhrelid::regclass::text FROM pg_inherits
        WHERE inhparent IN ('public.messages'::regclass, 'public.attempts'::regclass)
            AND inhrelid NOT IN ('public.messages_0'::regclass, 'public.attempts_0'::regclass)
    LOOP
        EXECUTE 'DROP TABLE ' || each;
    END LOOP;
    FOR each IN SELECT name FROM saved.names WHERE name IN (SELECT w.name FROM saved.written w) ORDER BY n LOOP
        EXECUTE format('DELETE FROM public.%I', each);
        -- What is generated is made anew.
        EXECUTE (
            SELECT format(
                'INSERT INTO public.%1$I (%2$s) OVERRIDING SYSTEM VALUE SELECT %2$s FROM saved.%1$I',
                each, string_agg(quote_ident(attname), ', ' ORDER BY attnum)
            )
            FROM pg_attribute
            WHERE attrelid = format('public.%I', each)::regclass AND attnum > 0 AND NOT attisdropped
                AND attgenerated = ''
        );
    END LOOP;
    DELETE FROM saved.written;
    DELETE FROM gate.moves;
    DELETE FROM gate.campaign_moves;
END
$$;
