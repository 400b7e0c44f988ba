"""The builder class of datasets that are made from upstream sources."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import datasets

from hf_datasets.build import BuildOptions
from hf_datasets.errors import InputError


class SourcedBuilder(datasets.ArrowBasedBuilder):  # type: ignore[misc]
    """A builder whose tables come from a `build.Content`, that of `build_dataset` or its own."""

    CONTENT: ClassVar[type[Any]]
    """The class of the content."""

    def __init__(
        self,
        *args: Any,  # noqa: ANN401  those of DatasetBuilder
        content: object = None,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        super().__init__(*args, **kwargs)
        self._content: Any = content

    @property
    def content(self) -> Any:  # noqa: ANN401  each dataset's own
        """What the tables are made from; with no other given, the sources in `data_dir`.

        InputError where there is neither.
        """
        if self._content is None:
            if not self.config.data_dir:
                message = f"give data_dir: a folder with the sources of {self.dataset_name}"
                raise InputError(message)
            options = BuildOptions(folder=Path(self.config.data_dir), download=False)
            self._content = type(self).CONTENT(options)
        return self._content
