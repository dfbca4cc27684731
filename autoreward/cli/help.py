"""`autoreward help [TOPIC]`."""

import typer

from autoreward.cli.completion import complete_topics
from autoreward.cli.options import AS_JSON
from autoreward.cli.say import say, say_line


def command(
    topic: str | None = typer.Argument(
        None,
        help="A page, such as environments; all of them are listed if none is named.",
        autocompletion=complete_topics,
    ),
    as_json: bool = AS_JSON,
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
            title = exact_text(page).partition("\n")[0].lstrip("# ")
            if as_json:
                say_line("TopicListed", {"topic": name, "title": title, "file": str(page)})
            else:
                say(f"{name:<14}{title}")
        if as_json:
            return
        say("\n`autoreward help TOPIC` shows one; `autoreward COMMAND --help` says what a command takes.")
        return
    chosen = pages.get(topic.removeprefix("docs/").removesuffix(".md"))
    if chosen is None:
        raise UsageError(f"There is no page {topic!r}; there are {', '.join(pages)}.{did_you_mean(topic, pages)}")
    text, console = exact_text(chosen), Terminal()
    if as_json:
        say_line("Topic", {"topic": chosen.stem, "text": text})
    elif console.is_terminal:
        with console.pager(styles=True):
            console.print(Markdown(text))
    else:
        say(text.rstrip("\n"))
