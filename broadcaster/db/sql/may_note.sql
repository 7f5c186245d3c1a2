SELECT /* may_note */
-- Whether nobody else notes now, and nobody does until the transaction ends: what one look found is not undone by an
-- older one.
pg_try_advisory_xact_lock(hashtextextended('notices', 0))
