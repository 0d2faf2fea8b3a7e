"""gslb: an authoritative DNS server cluster that is also a global load balancer."""

__version__ = "0.1.0"
