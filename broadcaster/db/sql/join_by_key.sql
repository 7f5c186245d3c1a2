SELECT /* join_by_key */
-- Until the end of the transaction: a few thousand rows of a table of millions are found by key, whatever is known of it.
set_config(name, 'off', true)
FROM (VALUES ('enable_hashjoin'), ('enable_mergejoin')) AS setting (name)
