SELECT /* purged_lately */ EXISTS (
    -- Whether the hourly task has purged a campaign within %(within)s.
    SELECT FROM purges WHERE operator = 'schedule' AND purged_at > now() - %(within)s
)
