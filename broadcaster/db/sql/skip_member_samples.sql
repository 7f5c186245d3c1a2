ALTER /* skip_member_samples */
-- The planner wants to know how many they are. Samples of who they are would stay on disk.
TABLE imported_members ALTER phone SET STATISTICS 0, ALTER variables SET STATISTICS 0
