"""Writing `.env.example` from the settings classes, so that it cannot say anything they do not."""

import textwrap
from collections.abc import Iterator, Mapping

from pydantic.fields import FieldInfo

from countersign_shared.settings import ServiceSettings

WIDTH = 110
HEADING = """\
What the services read from the environment. Generated from their settings classes: edit those, then `make contracts`.
A line with a leading # shows the default. Start one service with `python -m countersign_<service>`.
For docker compose, deploy/postgres/new-passwords.sh writes the .env it needs; this file is not it."""


def env_example(services: Mapping[str, type[ServiceSettings]]) -> str:
    """Return the text of `.env.example`: what all services share first, then each service's own.

    ``services`` are the settings classes by service name, in the order to write them. A setting that a service
    declares anew (another default, say) is listed under that service as well.
    """
    blocks = [_comment(HEADING), _section("every service", ServiceSettings, set())]
    blocks += [_section(name, settings, set(ServiceSettings.model_fields)) for name, settings in services.items()]
    return "\n\n".join(blocks) + "\n"


def _section(title: str, settings: type[ServiceSettings], inherited: set[str]) -> str:
    own = set(settings.__annotations__) | (set(settings.model_fields) - inherited)
    lines = [f"# --- {title} ".ljust(WIDTH, "-")]
    for name, field in settings.model_fields.items():
        # The port has no default in common: each service names its own.
        if name in own and (inherited or name != "http_port"):
            lines += ["", *_setting(name, field)]
    return "\n".join(lines)


def _setting(name: str, field: FieldInfo) -> Iterator[str]:
    yield _comment(field.description or "")
    if field.is_required():
        yield f"{name.upper()}="
    else:
        default = "" if field.default is None else str(field.default)
        if isinstance(field.default, bool):
            default = default.lower()
        yield f"# {name.upper()}={default}"


def _comment(text: str) -> str:
    lines = [line for paragraph in text.splitlines() for line in textwrap.wrap(paragraph, WIDTH - 2)]
    return "\n".join(f"# {line}" for line in lines)
