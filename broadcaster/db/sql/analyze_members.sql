ANALYZE /* analyze_members */ imported_members
