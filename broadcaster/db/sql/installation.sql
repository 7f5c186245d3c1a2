SELECT /* installation */
-- Which database this is, among all that there are: traces of several may meet in one collector.
(SELECT system_identifier FROM pg_control_system())::text || '/' || oid
FROM pg_database
WHERE datname = current_database()
