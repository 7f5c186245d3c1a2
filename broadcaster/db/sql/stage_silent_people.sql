CREATE /* stage_silent_people */ TEMPORARY TABLE silent_people (phone text NOT NULL) ON COMMIT DROP
