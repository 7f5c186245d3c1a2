-- Builds the indexes that are missing. The lock is the weakest that changes partitions: messages are read and written
-- meanwhile, and only another segment waits for its turn. The constraint spares a look at every row.
-- The rows are in the order of these indexes already: helpers would take longer to start than they save.
SET LOCAL max_parallel_maintenance_workers = 0;
ALTER TABLE messages ATTACH PARTITION messages_{segment} FOR VALUES IN ({segment});
ALTER TABLE messages_{segment} DROP CONSTRAINT new;
ALTER TABLE attempts ATTACH PARTITION attempts_{segment} FOR VALUES IN ({segment});
-- A first sample for the planner, of 3,000 rows; autovacuum takes a better one soon.
SET LOCAL default_statistics_target = 10;
ANALYZE messages_{segment}
