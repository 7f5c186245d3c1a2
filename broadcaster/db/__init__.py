"""The schema, the engine and the statements. Nothing above this layer writes SQL."""
