-- Segment 0 holds ordinary campaigns; a campaign with a segment of its own is dropped with its partition.
-- Rows change twice on their way, so pages keep room and vacuum comes early.
CREATE TABLE messages_0 PARTITION OF messages FOR VALUES IN (0)
    WITH (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
CREATE TABLE attempts_0 PARTITION OF attempts FOR VALUES IN (0);
