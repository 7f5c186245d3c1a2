"""Celery carries wake-ups, never facts. Each task here is a few lines around a service."""
