SELECT drop_abandoned_segments()
