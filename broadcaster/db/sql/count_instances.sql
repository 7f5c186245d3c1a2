SELECT /* count_instances */ count(*) FROM instances
