ANALYZE /* analyze_candidates */ candidates
