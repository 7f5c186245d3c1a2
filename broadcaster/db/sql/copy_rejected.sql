COPY /* copy_rejected */ rejected_recipients (campaign_id, line, phone, reason) FROM STDIN
