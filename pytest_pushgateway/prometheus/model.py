"""A scrape configuration, typed: jobs, relabel rules, target groups, the ``global`` section.

Durations are seconds, sizes bytes; a limit of 0 means none. Fields not in the file have defaults, and what a job
inherits from ``global`` is already in the job. Every object knows where it stands in its file: ``position()`` is its
own place, ``position("scrape_interval")`` that key's; both are 1-based. Objects that a test builds by hand have no
place, and ``position()`` is ``None``.

These are ordinary classes rather than dataclasses: ``check-config`` starts as often as a linter does, and the
``dataclasses`` module alone would cost it a fifth of its time.
"""

from __future__ import annotations

from pytest_pushgateway.golang.position import Position
from pytest_pushgateway.prometheus.values import LATEST, reaches

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any


def _position(node: Any) -> Position:
    mark = node.start_mark
    return Position(mark.line + 1, mark.column + 1)


class Section:
    """Common ground of everything decoded: keyword construction, comparison, representation, positions."""

    node: Any = None
    """The YAML mapping it was decoded from; positions are only computed when somebody asks."""

    @property
    def positions(self) -> dict[str, tuple[Position, Position]]:
        """The positions of each key that was written, and of its value."""
        found = {}
        for key, value in self._pairs():
            if isinstance(key.value, str):
                found[key.value] = (_position(key), _position(value))
        return found

    @property
    def start(self) -> Position | None:
        """The place at which the section begins."""
        return _position(self.node) if self.node is not None else None

    def _pairs(self) -> Sequence[tuple[Any, Any]]:
        pairs = self.node.value if self.node is not None else ()
        return pairs if isinstance(pairs, list) else ()

    def __init__(self, **values: Any) -> None:
        kind = type(self)
        for name, value in values.items():
            if not hasattr(kind, name):
                raise TypeError(f"{kind.__name__} has no {name!r}")
            setattr(self, name, value)

    def position(self, key: str | None = None) -> Position | None:
        """Return where this section, or the value of a key in it, begins.

        Args:
            key: as in the file; None for the section.

        Returns:
            The position; None if it was not written.

        """
        if key is None:
            return self.start
        found = self.positions.get(key)
        return found[1] if found else None

    def key_position(self, key: str) -> Position | None:
        """Return where a key itself is.

        Args:
            key: as in the file.

        Returns:
            The position; None if it was not written.

        """
        found = self.positions.get(key)
        return found[0] if found else None

    def written(self, key: str) -> bool:
        """Return whether a key is in the file, with whatever value.

        Args:
            key: as in the file.

        """
        return key in self.positions

    def _values(self) -> Iterator[tuple[str, Any]]:
        for name, value in vars(self).items():
            if name not in ("node", "file", "found", "monitor"):
                yield name, value

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self._values())})"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        names = {name for one in (self, other) for name, _ in one._values()}
        return all(getattr(self, name) == getattr(other, name) for name in names)


class RelabelRule(Section):
    """One item of ``relabel_configs`` or ``metric_relabel_configs``.

    ``regex`` is the text as written, without the anchors; ``regex: null`` is ``""``, which matches only the empty
    string. :func:`pytest_pushgateway.golang.regexp.compile_relabel` compiles it.
    """

    source_labels: tuple[str, ...] = ()
    separator: str = ";"
    regex: str = "(.*)"
    modulus: int = 0
    target_label: str = ""
    replacement: str = "$1"
    action: str = "replace"
    """In lower case, as Prometheus reads it."""


class TargetGroup(Section):
    """One item of ``static_configs``, or of a file that ``file_sd_configs`` names.

    Attributes:
        targets: the addresses, as written.
        labels: the labels that all of them get.

    """

    targets: tuple[str, ...] = ()
    labels: Mapping[str, str] = {}
    source: str = ""
    """As Prometheus names the group in its messages: the group's number within its job."""
    file: str | None = None
    """The file it was read from where that is not the configuration itself (``file_sd_configs``)."""

    @property
    def target_positions(self) -> tuple[Position, ...]:
        """The place of each of ``targets``; empty for a group that was not read from YAML."""
        return tuple(_position(item) for item in self._value("targets"))

    @property
    def label_positions(self) -> dict[str, tuple[Position, Position]]:
        """The places of each label's name and of its value."""
        return {key.value: (_position(key), _position(value)) for key, value in self._value("labels")}

    def _value(self, wanted: str) -> Any:
        for key, value in self._pairs():
            if key.value == wanted and isinstance(value.value, list):
                return value.value
        return ()


class Discovery(Section):
    """One item of a ``*_sd_configs`` list.

    ``kind`` is the key without its ending: ``file``, ``http``, ``dns``, ``kubernetes``, ... ``settings`` has the values
    as plain Python objects (strings as written for scalars); ``groups`` what the files of a ``file`` discovery hold.
    """

    kind: str = ""
    settings: Mapping[str, Any] = {}
    groups: Sequence[TargetGroup] = ()


class HttpClient(Section):
    """The HTTP client settings of a job. Secrets are held as written; files are named, not read."""

    basic_auth: Mapping[str, str] | None = None
    """``username``, ``username_file``, ``password``, ... as far as they were written; ``None``: no such section."""
    authorization: Mapping[str, str] | None = None
    """``type`` (default ``Bearer``), ``credentials``, ``credentials_file``; ``bearer_token`` ends up here too."""
    oauth2: Mapping[str, Any] | None = None
    tls_config: Mapping[str, Any] = {}
    proxy_url: str = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    follow_redirects: bool = True
    enable_http2: bool = True
    http_headers: Mapping[str, Mapping[str, Any]] = {}


class Global(Section):
    """The ``global`` section with its defaults."""

    scrape_interval: float = 60.0
    scrape_timeout: float = 10.0
    evaluation_interval: float = 60.0
    rule_query_offset: float = 0.0
    scrape_protocols: tuple[str, ...] = ()
    external_labels: Mapping[str, str] = {}
    """Values as written: ``${VAR}`` is not expanded."""
    query_log_file: str = ""
    scrape_failure_log_file: str = ""
    body_size_limit: int = 0
    sample_limit: int = 0
    target_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0
    keep_dropped_targets: int = 0
    metric_name_validation_scheme: str = "utf8"
    metric_name_escaping_scheme: str = ""
    convert_classic_histograms_to_nhcb: bool = False
    always_scrape_classic_histograms: bool = False
    scrape_native_histograms: bool = False
    extra_scrape_metrics: bool = False


class OperatorEndpoint:
    """The endpoint of the Prometheus Operator's that a job was made of.

    ``thing`` is the object as kubectl names it, ``path`` where in it the endpoint is (``spec.endpoints[0]``), ``honor``
    the value of ``honorLabels`` as written (``None``: it was not) and ``honor_at`` its place. ``strays`` are keys that
    mean it and are not it, each with its path and place; ``override`` is the place at which a Prometheus object of
    the same file sets ``overrideHonorLabels: true``. ``names`` has the Operator's name for each field of the job.
    """

    __slots__ = ("honor", "honor_at", "names", "override", "path", "strays", "thing")

    def __init__(self, thing: str, path: str, names: Mapping[str, str]) -> None:
        self.thing: str = thing
        self.path: str = path
        self.names: Mapping[str, str] = names
        self.honor: str | None = None
        self.honor_at: Position | None = None
        self.strays: list[tuple[str, Position]] = []
        self.override: tuple[str, Position] | None = None

    @property
    def kind(self) -> str:
        """The kind of the object: ``ServiceMonitor``, ``PodMonitor``, ``ScrapeConfig``, ..."""
        return self.thing.partition("/")[0]


class ScrapeJob(Section):
    """One item of ``scrape_configs``, with everything it inherits from ``global``.

    Its attributes are the fields that Prometheus documents, under the same names: ``job_name``, ``honor_labels``,
    ``scrape_interval``, ``metrics_path``, ``relabel_configs`` and so on. A field that the file does not set has
    Prometheus's default. Durations are seconds, sizes bytes.
    """

    job_name: str = ""
    honor_labels: bool = False
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    params: Mapping[str, tuple[str, ...]] = {}
    scrape_interval: float = 60.0
    scrape_timeout: float = 10.0
    scrape_protocols: tuple[str, ...] = ()
    """Empty: Prometheus's defaults for the version."""
    fallback_scrape_protocol: str = ""
    metrics_path: str = "/metrics"
    scheme: str = "http"
    enable_compression: bool = True
    body_size_limit: int = 0
    sample_limit: int = 0
    target_limit: int = 0
    label_limit: int = 0
    label_name_length_limit: int = 0
    label_value_length_limit: int = 0
    native_histogram_bucket_limit: int = 0
    native_histogram_min_bucket_factor: float = 0.0
    keep_dropped_targets: int = 0
    metric_name_validation_scheme: str = "utf8"
    metric_name_escaping_scheme: str = ""
    convert_classic_histograms_to_nhcb: bool = False
    always_scrape_classic_histograms: bool = False
    scrape_native_histograms: bool = False
    extra_scrape_metrics: bool = False
    scrape_failure_log_file: str = ""
    http: HttpClient = HttpClient()
    static_configs: Sequence[TargetGroup] = ()
    discoveries: Sequence[Discovery] = ()
    relabel_configs: Sequence[RelabelRule] = ()
    metric_relabel_configs: Sequence[RelabelRule] = ()
    found: Any = None
    """The decoder's nodes, for its later checks."""
    file: str | None = None
    """The file the job stands in: the configuration, or one of its ``scrape_config_files``."""
    version: str = LATEST
    """The Prometheus version the configuration was read for."""
    monitor: OperatorEndpoint | None = None
    """The endpoint behind a job of the Operator's; ``None`` for a job that was written."""

    @property
    def legacy_names(self) -> bool:
        """Whether relabelling makes no other names than those of the ``legacy`` scheme, as in 2.x and since 3.7."""
        if reaches(self.version, "3.0"):
            return self.metric_name_validation_scheme == "legacy" and reaches(self.version, "3.7")
        return True

    @property
    def groups(self) -> list[TargetGroup]:
        """All target groups that are known without asking the network, static ones, and those read from files."""
        found = list(self.static_configs)
        for discovery in self.discoveries:
            found.extend(discovery.groups)
        return found

    @property
    def targets(self) -> list[str]:
        """The addresses of all known targets, as written, before relabelling."""
        return [target for group in self.groups for target in group.targets]
