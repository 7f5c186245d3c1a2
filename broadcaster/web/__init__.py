"""The view in the browser: what happens now, and the few things that can be done about it. Needs the extra `web`."""
