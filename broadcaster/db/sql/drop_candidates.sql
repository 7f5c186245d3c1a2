DROP /* drop_candidates */ TABLE candidates
