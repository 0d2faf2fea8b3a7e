"""The certificate of DNS over TLS while the node runs: a renewed pair is taken by itself, and its end is told in time.

gslb.yaml is atomic, the pair that it names included. But a certificate is renewed by a machine, at any hour: when the
file has a problem, the pair that the configuration in force names is read all the same. An expired certificate is
shown on, for clients that do not verify; nobody but its issuer can help.
"""

from dataclasses import replace

import structlog

from gslb.config.node_config import NodeConfig
from gslb.config.problems import Findings, Problem
from gslb.config.tls import TlsSettings, Validity, day, read_pair

log = structlog.get_logger("gslb")


def with_renewed_pair(config: NodeConfig) -> tuple[NodeConfig, tuple[Problem, ...]]:
    """The configuration with its pair as the files are now, and what is wrong with them: then it is as it was."""
    if config.tls is None:
        return config, ()
    findings = Findings(str(config.path))
    pair = read_pair(config.tls.certificate, config.tls.key, findings, config.tls.line)
    if pair is None or pair == config.tls:
        return config, tuple(findings.problems)
    kept = (warning for warning in config.warnings if warning.path != "tls.certificate")
    return replace(config, tls=pair, warnings=tuple(sorted([*kept, *findings.warnings]))), ()


class CertificateWatch:
    """Says in the log, once each, that the certificate expires soon, has expired, or is valid by now. How it was out of
    its dates when it was read is told with what else was read."""

    def __init__(self) -> None:
        self._pair: TlsSettings | None = None
        self._told = Validity.VALID

    def look(self, pair: TlsSettings | None, now: float) -> None:
        """Compare the pair that is shown with what was said of it."""
        if pair is None:
            self._pair = None
            return
        state = pair.validity_at(now)
        if pair != self._pair:
            self._pair = pair
            self._told = Validity.VALID if state is Validity.SOON else state
        if state is not self._told:
            self._told = state
            _tell(pair, state)


def _tell(pair: TlsSettings, state: Validity) -> None:
    facts = {"file": str(pair.certificate), "expires": day(pair.expires)}
    if state is Validity.VALID:
        log.info("certificate_valid", **facts)
        return
    event = "certificate_expired" if state is Validity.EXPIRED else "certificate_expires_soon"
    log.warning(event, **facts, advice="see that it is renewed, and that both files arrive where `tls` says")
