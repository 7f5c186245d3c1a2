SELECT /* hold_off_forgetting */
-- Until the transaction ends nobody is forgotten, so that nobody is taken in who has just been (forgetting.sql).
pg_advisory_xact_lock_shared(hashtextextended('forgotten_phones', 0))
