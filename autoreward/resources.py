"""Where `prompts/` and `envs/` are: in the checkout, or inside the installed wheel."""

from pathlib import Path

_PACKAGE = Path(__file__).parent


def prompts_folder() -> Path:
    """The folder of prompt templates."""
    return _folder("prompts")


def envs_folder() -> Path:
    """The folder of shipped tasks."""
    return _folder("envs")


def _folder(name: str) -> Path:
    # Only a checkout has pyproject.toml beside the package; in site-packages the parent's folders are someone else's.
    if (_PACKAGE.parent / "pyproject.toml").is_file():
        return _PACKAGE.parent / name
    return _PACKAGE / "_shipped" / name
