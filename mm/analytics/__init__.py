"""What a session earned and why: pure accumulators, in integers where it is money."""
