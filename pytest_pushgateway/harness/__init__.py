"""What a test holds in its hands: a gateway with a journal, a clock, faults and assertions."""
