"""The kinds of probes. A new one is a file here and a line in `PROBES`; config validation, the prober, the API,
metrics and the contract test in `tests/health` pick it up from this dict."""

from gslb.health.probes import http, tcp
from gslb.health.probes.probe import Probe, ProbeImpossibleError, ProbeOptions, ProbeResult

PROBES: dict[str, Probe] = {
    "http": http.HTTP,
    "https": http.HTTPS,
    "tcp": tcp.PROBE,
}

__all__ = ["PROBES", "Probe", "ProbeImpossibleError", "ProbeOptions", "ProbeResult"]
