"""A fully functional Prometheus Pushgateway inside your tests."""
