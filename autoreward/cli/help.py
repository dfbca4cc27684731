"""`autoreward help [TOPIC]`."""

import typer

from autoreward.cli.completion import complete_topics
from autoreward.cli.say import say


def command(
    topic: str | None = typer.Argument(
        None,
        help="A page, such as environments; all of them are listed if none is named.",
        autocompletion=complete_topics,
    ),
) -> None:
    """Read the documentation, here and without a network."""
    from rich.markdown import Markdown

    from autoreward.core.resources import doc_pages, exact_text
    from autoreward.core.wording import did_you_mean
    from autoreward.errors import UsageError
    from autoreward.report.terminal import Terminal

    pages = doc_pages()
    if topic is None:
        for name, page in pages.items():
            say(f"{name:<14}{exact_text(page).partition(chr(10))[0].lstrip('# ')}")
        say("\n`autoreward help TOPIC` shows one; `autoreward COMMAND --help` says what a command takes.")
        return
    chosen = pages.get(topic.removeprefix("docs/").removesuffix(".md"))
    if chosen is None:
        raise UsageError(f"There is no page {topic!r}; there are {', '.join(pages)}.{did_you_mean(topic, pages)}")
    text, console = exact_text(chosen), Terminal()
    if console.is_terminal:
        with console.pager(styles=True):
            console.print(Markdown(text))
    else:
        say(text.rstrip("\n"))
