"""The configuration in force, and how it stands to its file.

What the file has is taken as a whole, but for the settings that only a start takes, or refused: then what was in force
stays. What is wrong, what is hardly meant and what waits for a restart is told in the log when it comes, and kept for
`gslb status`.
"""

from pathlib import Path

import structlog

from gslb.app.pending import pending_restart
from gslb.config.node_config import NodeConfig
from gslb.config.problems import ConfigError, Problem
from gslb.metrics import Metrics

log = structlog.get_logger("gslb")


class Settings:
    """`config` is in force; whoever takes another replaces it. `problems` are those of the file as it is now."""

    def __init__(self, config: NodeConfig, metrics: Metrics) -> None:
        self.config = config
        self.problems: tuple[str, ...] = ()
        self._started_with = config
        self._metrics = metrics
        self._named_in_vain: frozenset[Path] = frozenset()
        self._warnings_told: frozenset[Problem] = frozenset()

    @property
    def pending_restart(self) -> list[str]:
        """Settings that were changed since the start, and that the next start takes."""
        return pending_restart(self._started_with, self.config)

    def files(self) -> set[Path]:
        """The files, and the folder, that the configuration is made of; those too that a refused one names, for an edit
        of these may be its mend."""
        config = self.config
        directory = {config.zones_dir} if config.zones_dir is not None else set()
        return {config.path, *config.key_files, *directory, *self._named_in_vain}

    def announce(self, config: NodeConfig) -> None:
        """Tell of a configuration that is about to be taken what waits for a restart, and its warnings: each once, as
        long as it stays."""
        waiting = self.pending_restart
        for name in pending_restart(self._started_with, config):
            if name not in waiting:
                log.warning("setting_needs_restart", setting=name)
        for warning in config.warnings:
            if warning not in self._warnings_told:
                log.warning("config_warning", problem=str(warning))
        self._warnings_told = frozenset(config.warnings)

    def taken(self) -> None:
        """The file is in force as it is now."""
        self.problems, self._named_in_vain = (), frozenset()
        self._count("ok")

    def refuse(self, error: ConfigError) -> None:
        """The file is not taken."""
        self.problems = tuple(str(problem) for problem in error.problems)
        self._named_in_vain = error.files
        self._count("failed")
        for problem in error.problems:
            log.error("config_not_taken", problem=str(problem))

    def refuse_certificate(self, problem: Problem) -> None:
        """A renewed certificate is not taken, besides what else is wrong."""
        self.problems += (str(problem),)
        log.error("certificate_not_taken", problem=str(problem))

    def _count(self, result: str) -> None:
        file = str(self.config.path)
        self._metrics.reloads.labels(file, result).inc()
        self._metrics.config_ok.labels(file).set(result == "ok")
