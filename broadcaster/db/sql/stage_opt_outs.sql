CREATE /* stage_opt_outs */ TEMPORARY TABLE staged_opt_outs (phone text NOT NULL, forms text[] NOT NULL) ON COMMIT DROP
