SELECT /* drop_abandoned_segments */ drop_abandoned_segments()
