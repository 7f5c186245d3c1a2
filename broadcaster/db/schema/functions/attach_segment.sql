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

REVOKE ALL ON FUNCTION attach_segment(bigint) FROM PUBLIC;
