-- Settings of the server with which a crash of its machine loses what was committed.
SELECT name FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name
