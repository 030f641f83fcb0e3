"""Status lists, for whoever asks: plain ASGI, without a credential."""
