SELECT /* snapshot_size */
-- How many members the snapshot holds that can be sent to.
count(*) FROM audience_snapshot WHERE fault IS NULL
