"""Celery carries wake-ups, never facts: tasks here are a few lines around a service."""
