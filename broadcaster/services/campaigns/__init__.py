"""Campaigns: submitting, steering, testing and reporting."""
