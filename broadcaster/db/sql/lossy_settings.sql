SELECT /* lossy_settings */ name
-- Settings of the server with which a crash of its machine loses what was committed.
FROM pg_settings WHERE name IN ('fsync', 'full_page_writes') AND setting = 'off' ORDER BY name
