"""The settings of the service: read once where the program starts, frozen, and handed on from there."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Annotated, Any, Literal

from platformdirs import user_data_dir
from pydantic import AnyHttpUrl, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from inforce.model import InforceError

PREFIX = "INFORCE_"
FILE = "INFORCE_CONFIG"
Held = Literal["auto", "memory", "disk"]  # where a process holds a build


class Settings(BaseSettings):
    """All there is to set. What a caller names wins over the environment, that over the file, that over the default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, frozen=True, extra="forbid")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(8000, description="port to listen on")
    workers: Annotated[int, Field(ge=1, le=256)] = Field(1, description="processes that answer")
    builds: Path = Field(
        default_factory=lambda: Path(user_data_dir("inforce", appauthor=False), "builds"),
        description="folder in which builds are kept; in the user's data folder unless set",
    )
    data: Path | None = Field(
        None, description="root of another record, with ontology/ and data/, to build instead of that of the package"
    )
    endpoint: AnyHttpUrl | None = Field(
        None, description="SPARQL 1.1 endpoint that holds a build and is asked instead of the embedded store"
    )
    timeout: Annotated[int, Field(ge=1)] = Field(60, description="seconds to wait for that endpoint")
    store: Held = Field(
        "auto",
        description="where a build is held: memory, of each process, or disk, shared by all; auto: large ones there",
    )
    endpoint_user: str | None = Field(None, description="who asks that endpoint, by basic or digest authentication")
    endpoint_password: SecretStr | None = Field(None, description="the password of that user")
    endpoint_token: SecretStr | None = Field(None, description="a bearer token for that endpoint, instead of a user")
    versions: Annotated[int, Field(ge=1)] = Field(2, description="earlier versions that are open at the same time")
    cache: Annotated[int, Field(ge=0)] = Field(64, description="megabytes of ready answers that a process keeps")
    query_workers: Annotated[int, Field(ge=1, le=256)] = Field(
        2, description="processes for SPARQL queries, in each process that answers; one client gets half of them"
    )
    query_seconds: Annotated[float, Field(gt=0)] = Field(20, description="seconds that a SPARQL query may take")
    query_wait: Annotated[float, Field(gt=0)] = Field(20, description="seconds that a SPARQL query waits for its turn")
    query_memory: Annotated[int, Field(ge=16)] = Field(
        256, description="megabytes that a SPARQL query may take besides the build"
    )
    query_answer: Annotated[int, Field(ge=1)] = Field(20, description="megabytes that the answer to it may have")
    query_length: Annotated[int, Field(ge=1)] = Field(1000, description="kilobytes that a SPARQL query may have")
    query_queue: Annotated[int, Field(ge=1)] = Field(64, description="SPARQL queries that may wait and run at a time")
    query_client: Annotated[int, Field(ge=1)] = Field(16, description="how many of these may be of one client")
    log: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least weight of what is logged; from info down, each request"
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, _file())

    def environment(self) -> dict[str, str]:
        """The same settings as environment variables, for the processes that a server starts."""
        stated = {name: getattr(self, name) for name in type(self).model_fields}
        return {
            PREFIX + name.upper(): value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for name, value in stated.items()
            if value is not None
        }


def load(**named: Any) -> Settings:
    """The settings, with what is named here (None: not named). Raises InforceError naming setting, value and fault."""
    known = {FILE, *(PREFIX + name.upper() for name in Settings.model_fields)}
    if strange := sorted(name for name in os.environ if name.startswith(PREFIX) and name not in known):
        near = difflib.get_close_matches(strange[0], known, n=1)
        raise InforceError(f"{strange[0]} is no setting" + (f"; nearest: {near[0]}" if near else ""))
    try:
        return Settings(**{name: value for name, value in named.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        raise InforceError(f"setting {name} = {first['input']!r}: {first['msg']}") from None
    except ValueError as error:  # a file that is no TOML
        raise InforceError(f"{_file()}: {error}") from None


def _file() -> Path:
    """The settings file: $INFORCE_CONFIG, which must exist then, or inforce.toml in the working folder."""
    named = os.environ.get(FILE)
    if named and not Path(named).is_file():
        raise InforceError(f"{named}: no such settings file (${FILE})")
    return Path(named or "inforce.toml")
