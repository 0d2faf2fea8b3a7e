"""Keys of gslb.yaml with nothing behind them, which count as left out.

That is as it should be where a section's lines are commented out for a while. But `rate_limit:` alone limits nothing,
and an empty `allow_query:` keeps nobody out, which few who wrote them mean: of such keys it is said what holds, and
what to write.
"""

from collections.abc import Mapping as AnyMapping

from gslb.config.problems import Findings, joined
from gslb.config.yamltext import Mapping, Text

_NETWORKS = "for some write a list, as [10.0.0.0/8]; for nobody []"

_OF_NODE: dict[str, str] = {
    "rate_limit": "nothing is limited; write e.g. {responses_per_second: 200}, {} for the defaults, or off",
    "allow_query": f"everyone may ask; {_NETWORKS}",
    "allow_transfer": "nobody may fetch zones but where a zone says so; list peers, key:NAME or networks, or write []",
    "probe_allow": "a transferred zone may have this node probe anywhere; write a list of networks, as [10.0.0.0/8]",
    "listen": "the node listens on every address; write e.g. [192.0.2.1]",
    "tls": "there is no certificate; write {certificate: FILE, key: FILE}, or off",
}
_OF_ZONE: dict[str, str] = {
    "allow_query": f"the list at the top of the file goes for the zone too; {_NETWORKS}",
    "allow_transfer": f"the list at the top of the file goes for the zone too; {_NETWORKS}",
    "notify": "the list at the top of the file goes for the zone too; for nobody write []",
}
"""What holds where nothing is written, and what to write."""


def warn_of_empty_keys(tree: Mapping, findings: Findings) -> None:
    """Warn of each key at the top of the file, and of its zones, that is empty and hardly meant to be."""
    _warn(tree, _OF_NODE, "", findings)
    zones = tree.get("zones")
    for name, node in zones.items() if isinstance(zones, Mapping) else ():
        if isinstance(node, Mapping):
            _warn(node, _OF_ZONE, joined("zones", name), findings)


def _warn(section: Mapping, words: AnyMapping[str, str], path: str, findings: Findings) -> None:
    for key, value in section.entries():
        if key in words and isinstance(value, Text) and value.is_null:
            findings.warn(key.line, joined(path, key), f"nothing is written here, so {words[key]}")
