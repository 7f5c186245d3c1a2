SELECT count(*) FROM pg_inherits WHERE inhparent = 'messages'::regclass
