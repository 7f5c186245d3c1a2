ANALYZE /* analyze_candidates */
-- How many there are. Of their phones nothing is noted: that would be in the catalogue's pages, also after a dry run.
candidates (seq)
