"""Bulk broadcasts over WhatsApp through the WAChatPro HTTP API."""

__version__ = "0.1.0"
