-- Apart from the partitioned tables, so that nothing waits for a lock on them meanwhile, and without the indexes that
-- every new message is in. The other ones stay empty for now, which is cheaper to keep than to find out later.
CREATE TABLE messages_{segment} (LIKE messages INCLUDING DEFAULTS)
    WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
ALTER TABLE messages_{segment}
    ALTER segment SET DEFAULT {segment},
    ALTER campaign_id SET DEFAULT {segment},
    ADD CONSTRAINT new CHECK (
        segment = {segment} AND campaign_id = {segment} AND state = 'pending' AND next_attempt_at = '-infinity'
    );
CREATE INDEX ON messages_{segment} (lane_id, state) WHERE state IN ('sending', 'in_doubt');
CREATE INDEX ON messages_{segment} (campaign_id, state) WHERE state IN ('failed', 'unknown', 'skipped', 'expired');
CREATE TABLE attempts_{segment} (LIKE attempts INCLUDING DEFAULTS)
