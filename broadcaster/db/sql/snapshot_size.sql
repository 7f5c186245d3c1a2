SELECT /* snapshot_size */
-- How many the snapshot holds who can be sent to.
count(*) FROM recipient_snapshot WHERE fault IS NULL
