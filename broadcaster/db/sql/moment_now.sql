SELECT /* moment_now */
-- The moment by the database's clock.
now()
