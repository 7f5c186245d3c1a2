"""What people write to our instances: read, taken in once, and linked to what they were sent."""
