-- Segments of large campaigns (docs/decisions/0012-large-campaigns.md) are made by those who may not change the schema.
-- So these functions run as its owner. They take a campaign's id and nothing else, and refuse whatever is no segment
-- that is being filled for a new campaign. Temporary tables of the caller's stand for none of theirs.

-- The table of messages of a segment that is being filled: no partition yet.
CREATE FUNCTION new_segment(campaign bigint) RETURNS regclass LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    segment regclass;
BEGIN
    SELECT c.oid INTO segment
    FROM pg_class c
    JOIN pg_constraint new ON new.conrelid = c.oid AND new.conname = 'new'
    WHERE c.relnamespace = 'public'::regnamespace AND c.relname = 'messages_' || campaign
        AND c.relkind = 'r' AND NOT c.relispartition
        AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'messages'::regclass);
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'no segment is being filled for campaign ' || coalesce(campaign::text, 'null');
    END IF;
    RETURN segment;
END
$$;

-- Segments are attached by the transaction that makes them. So one that others see and that is no partition belongs to
-- nobody: whoever has the runtime role's password may leave such ones behind. Drops them, or that of one campaign.
CREATE FUNCTION drop_abandoned_segments(campaign bigint DEFAULT NULL) RETURNS void LANGUAGE plpgsql
SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    abandoned name;
BEGIN
    FOR abandoned IN
        SELECT c.relname
        FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND NOT c.relispartition
            AND CASE
                WHEN campaign IS NULL THEN c.relname ~ '^(messages|attempts)_[1-9][0-9]*$'
                ELSE c.relname IN ('messages_' || campaign, 'attempts_' || campaign)
            END
            AND c.xmin <> coalesce(pg_current_xact_id_if_assigned()::xid, '0')
            AND c.relowner = (SELECT relowner FROM pg_class WHERE oid = 'messages'::regclass)
    LOOP
        EXECUTE format('DROP TABLE public.%I', abandoned);
    END LOOP;
END
$$;

-- Makes a segment for a campaign that has no messages yet; false while there are too many, since every statement over
-- messages pays for each of them, or where somebody else makes the same one. Whoever calls it may insert into the table
-- until it is attached. The campaign's row may come later, but its id must have been given.
CREATE FUNCTION open_segment(campaign bigint) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    most CONSTANT integer := 32;
BEGIN
    IF campaign IS NULL OR campaign <= 0
        OR NOT EXISTS (SELECT FROM campaigns c WHERE c.id = campaign)
            AND campaign > coalesce(pg_sequence_last_value('campaigns_id_seq'), 0)
        OR EXISTS (SELECT FROM campaign_lanes cl WHERE cl.campaign_id = campaign AND cl.total > 0) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'campaign ' || coalesce(campaign::text, 'null') || ' is not new: it gets no segment';
    END IF;
    IF most < (SELECT count(*) FROM pg_inherits WHERE inhparent = 'messages'::regclass) THEN
        RETURN false;
    END IF;
    -- Until the end of the transaction, where the server lets the owner decide. The pages of a new index go into the WAL
    -- whole, and to compress them takes longer than to sort them.
    PERFORM set_config('wal_compression', 'off', true) WHERE has_parameter_privilege('wal_compression', 'SET');
    -- Apart from the partitioned tables, so that nothing waits for a lock on them meanwhile, and without the indexes that
    -- every new message is in. The other ones stay empty for now, which is cheaper to keep than to find out later.
    PERFORM drop_abandoned_segments(campaign);
    EXECUTE format(
        $ddl$
        CREATE TABLE public.messages_%1$s (LIKE public.messages INCLUDING DEFAULTS INCLUDING CONSTRAINTS)
            WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
        ALTER TABLE public.messages_%1$s
            ALTER segment SET DEFAULT %1$s,
            ALTER campaign_id SET DEFAULT %1$s,
            ADD CONSTRAINT new CHECK (
                segment = %1$s AND campaign_id = %1$s AND state = 'pending' AND next_attempt_at = '-infinity'
            ),
            ALTER phone SET STATISTICS 0, ALTER variables SET STATISTICS 0, ALTER gateway_id SET STATISTICS 0,
            ALTER reason SET STATISTICS 0;
        CREATE INDEX ON public.messages_%1$s (lane_id, state) WHERE state IN ('sending', 'in_doubt');
        CREATE INDEX ON public.messages_%1$s (campaign_id, state)
            WHERE state IN ('failed', 'unknown', 'skipped', 'expired');
        CREATE TABLE public.attempts_%1$s (LIKE public.attempts INCLUDING DEFAULTS);
        ALTER TABLE public.attempts_%1$s ALTER reply SET STATISTICS 0, ALTER reason SET STATISTICS 0
        $ddl$,
        campaign
    );
    IF session_user <> current_user THEN
        EXECUTE format(
            'GRANT INSERT (segment, campaign_id, seq, lane_id, phone, variables) ON public.messages_%s TO %I',
            campaign, session_user
        );
    END IF;
    RETURN true;
EXCEPTION WHEN duplicate_table OR unique_violation OR lock_not_available THEN
    RETURN false;
END
$$;

-- Makes the phones of a new segment unique. False, and nothing done, where they are not.
-- To try is the quickest way to learn it: the index is needed anyway, and most lists repeat nobody.
CREATE FUNCTION index_segment(campaign bigint) RETURNS boolean LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ADD UNIQUE (segment, campaign_id, phone)', new_segment(campaign));
    RETURN true;
EXCEPTION WHEN unique_violation THEN
    RETURN false;
END
$$;

-- Several spellings of one number are one message: the first one stays.
CREATE FUNCTION delete_repeated_of_segment(campaign bigint)
RETURNS TABLE (seq integer, first_seq integer, phone text) LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        $dml$
        DELETE FROM %1$s m
        USING (SELECT phone, min(seq) AS seq FROM %1$s GROUP BY phone HAVING count(*) > 1) first
        WHERE m.phone = first.phone AND m.seq > first.seq
        RETURNING m.seq, first.seq, m.phone
        $dml$,
        new_segment(campaign)
    );
END
$$;

-- Counts the messages of a new segment, and shows it to everybody, from the commit on. The campaign is there, and its
-- rows of campaign_lanes are.
-- The rows are in the order of these indexes already: helpers would take longer to start than they save.
CREATE FUNCTION attach_segment(campaign bigint) RETURNS void LANGUAGE plpgsql
SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp
SET max_parallel_maintenance_workers = 0 SET default_statistics_target = 10 AS $$
DECLARE
    segment CONSTANT regclass := new_segment(campaign);
    came message_change[];
BEGIN
    UPDATE campaigns c SET segment = campaign
    WHERE c.id = campaign
        AND (c.segment = campaign OR (c.segment = 0 AND c.state = 'scheduled' AND c.started_at IS NULL));
    IF NOT FOUND THEN
        RAISE EXCEPTION USING
            ERRCODE = 'object_not_in_prerequisite_state',
            MESSAGE = 'campaign ' || campaign || ' is none to which a segment belongs';
    END IF;
    -- No trigger saw these messages come: the constraint says what they are.
    EXECUTE format(
        $dml$
        SELECT array_agg((%2$s, lane_id, 'pending', '-infinity', n)::message_change)
        FROM (SELECT lane_id, count(*) AS n FROM %1$s GROUP BY lane_id) AS came
        $dml$,
        segment, campaign
    ) INTO came;
    IF NOT count_message_changes(came) THEN
        PERFORM refuse_uncounted(came);
    END IF;
    IF session_user <> current_user THEN
        EXECUTE format('REVOKE ALL ON %s FROM %I', segment, session_user);
    END IF;
    -- Builds the indexes that are missing. The lock is the weakest that changes partitions: messages are read and written
    -- meanwhile, and only another segment waits for its turn. The constraint spares a look at every row.
    -- Last a first sample for the planner, of 3,000 rows; autovacuum takes a better one soon.
    EXECUTE format(
        $ddl$
        ALTER TABLE public.messages ATTACH PARTITION %1$s FOR VALUES IN (%2$s);
        ALTER TABLE %1$s DROP CONSTRAINT new;
        ALTER TABLE public.attempts ATTACH PARTITION public.attempts_%2$s FOR VALUES IN (%2$s);
        ANALYZE %1$s
        $ddl$,
        segment, campaign
    );
END
$$;

REVOKE ALL ON FUNCTION
    drop_abandoned_segments(bigint), open_segment(bigint), index_segment(bigint), delete_repeated_of_segment(bigint),
    attach_segment(bigint)
FROM PUBLIC;
