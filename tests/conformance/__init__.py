"""The differential suite: the same raw requests to the real Pushgateway 1.11 and to ours, and equal answers."""
