SELECT /* count_changed_of_rest */
-- How many of the rest of a campaign have other values in its audience now than they had.
    count(*)
FROM recipient_snapshot
WHERE fault IS NULL AND is_changed
