SELECT /* plan_by_key */
-- The send path's statements touch a few hundred rows by key, whatever the size of the tables. Their plans must not
-- depend on statistics: those are missing when a campaign has just been submitted and late ever after, and a generic
-- plan outlives the table that it was made for. The other ways to join and scan read the whole backlog.
set_config(name, value, false)
FROM (
    VALUES
        ('plan_cache_mode', 'force_generic_plan'),
        ('enable_seqscan', 'off'),
        ('enable_bitmapscan', 'off'),
        ('enable_hashjoin', 'off'),
        ('enable_mergejoin', 'off'),
        ('enable_sort', 'off')
) AS setting (name, value)
