"""Messages in doubt, resolved by reading their chats back."""
