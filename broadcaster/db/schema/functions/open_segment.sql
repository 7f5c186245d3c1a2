-- Segments of large campaigns (docs/decisions/0012-large-campaigns.md) are made by those who may not change the
-- schema. So open_segment, index_segment, delete_repeated_of_segment, number_repeated_of_segment and attach_segment run as its
-- owner. They take a campaign's id and nothing else, and refuse whatever is no segment that is being filled for a new
-- campaign. Temporary tables of the caller's stand for none of theirs.
--
-- Makes a segment for a campaign that has no messages yet; false while there are too many, since every statement over
-- messages pays for each of them, or where somebody else makes the same one. Whoever calls it may insert into the table
-- until it is attached. Where it `holds`, its messages are due only when somebody says so. The campaign's row may come later, but its id must have been given.
CREATE FUNCTION open_segment(campaign bigint, holds boolean DEFAULT false) RETURNS boolean LANGUAGE plpgsql
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
            ALTER next_attempt_at SET DEFAULT %2$L,
            ADD CONSTRAINT new CHECK (
                segment = %1$s AND campaign_id = %1$s AND state = 'pending' AND next_attempt_at IN ('-infinity', 'infinity')
            ),
            ALTER phone SET STATISTICS 0, ALTER variables SET STATISTICS 0, ALTER gateway_id SET STATISTICS 0,
            ALTER reason SET STATISTICS 0;
        CREATE INDEX ON public.messages_%1$s (lane_id, state) WHERE state IN ('sending', 'in_doubt');
        CREATE INDEX ON public.messages_%1$s (campaign_id, state)
            WHERE state IN ('failed', 'unknown', 'skipped', 'expired');
        CREATE TABLE public.attempts_%1$s (LIKE public.attempts INCLUDING DEFAULTS);
        ALTER TABLE public.attempts_%1$s ALTER reply SET STATISTICS 0, ALTER reason SET STATISTICS 0
        $ddl$,
        campaign, CASE WHEN holds THEN 'infinity' ELSE '-infinity' END
    );
    IF session_user <> current_user THEN
        EXECUTE format(
            'GRANT INSERT (segment, campaign_id, seq, lane_id, phone, ordinal, recipient_group, variables, next_attempt_at, '
            'home_lane_id) '
            'ON public.messages_%s TO %I',
            campaign, session_user
        );
    END IF;
    RETURN true;
EXCEPTION WHEN duplicate_table OR unique_violation OR lock_not_available THEN
    RETURN false;
END
$$;

REVOKE ALL ON FUNCTION open_segment(bigint, boolean) FROM PUBLIC;
