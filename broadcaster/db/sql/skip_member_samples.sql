-- The planner wants to know how many they are. Samples of who they are would stay on disk.
ALTER TABLE imported_members ALTER phone SET STATISTICS 0, ALTER variables SET STATISTICS 0
