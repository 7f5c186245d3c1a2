SELECT /* purge_inbound */
-- What is personal of messages that belong to no campaign goes (functions/purge_inbound.sql).
purge_inbound(%(older_than)s, %(most)s) AS purged
