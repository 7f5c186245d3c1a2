-- How many members the snapshot holds that can be sent to.
SELECT count(*) FROM audience_snapshot WHERE fault IS NULL
