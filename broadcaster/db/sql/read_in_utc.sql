SET /* read_in_utc */ LOCAL TIME ZONE 'UTC'
