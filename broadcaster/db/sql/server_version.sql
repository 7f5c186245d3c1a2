SELECT /* server_version */ current_setting('server_version')
