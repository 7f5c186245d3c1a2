SELECT count(*) FROM instances
