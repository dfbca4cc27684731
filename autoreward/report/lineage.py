"""Who came from whom, as inline SVG: a column per round, a box per candidate, a line to each parent."""

from collections.abc import Callable, Mapping, Sequence
from html import escape

from autoreward.records import Strengths
from autoreward.report.candidates import CandidateView
from autoreward.report.reward_distances import Between

BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, _MARGIN = 164, 34, 46, 10, 6
_LINE = 15
"""What a box grows by where it also says what people prefer."""
_PICTURE = 60
"""And by where it has a picture; of its height."""
_BELOW = 14
"""From what is said of one parent to what is said of the next."""


def lineage(
    candidates: Sequence[CandidateView],
    best: str,
    liked: Strengths,
    to: Callable[[str], str] = "#{}".format,
    by: str = "people",
    pictures: Mapping[str, str] | None = None,
    distances: Between | None = None,
) -> str:
    """The graph; boxes link to where `to` says that their candidates are, and say what `by` prefer. Empty for a single one.

    `pictures`: of what a candidate's policy does, as data, by its id; the height of boxes allows for them where there is one.
    `distances`: how far a child's reward is from its parent's, said on the line between them.
    """
    stills, far = pictures or {}, distances or {}
    rounds: dict[int, list[CandidateView]] = {}
    for view in candidates:
        rounds.setdefault(view.round, []).append(view)
    if len(candidates) < 2:
        return ""
    tall = BOX_HEIGHT + _LINE * bool(liked.items) + _PICTURE * bool(stills)
    places = {
        view.candidate.id: (_MARGIN + x * (BOX_WIDTH + GAP_X), _MARGIN + y * (tall + GAP_Y))
        for x, column in enumerate(rounds.values())
        for y, view in enumerate(column)
    }
    width = 2 * _MARGIN + len(rounds) * (BOX_WIDTH + GAP_X) - GAP_X
    height = 2 * _MARGIN + max(map(len, rounds.values())) * (tall + GAP_Y) - GAP_Y
    svg = [
        f'<svg class="lineage" viewBox="0 0 {width} {height}" style="width: {width}px" role="group" aria-label="Lineage">'
    ]
    for view in candidates:
        x, y = places[view.candidate.id]
        for number, parent in enumerate(view.candidate.parents):
            if parent in places:
                left, top = places[parent]
                begin, end, bend = left + BOX_WIDTH, x, (left + BOX_WIDTH + x) / 2
                one, other = top + tall / 2, y + tall / 2
                svg.append(f'<path class="line" d="M{begin},{one} C{bend},{one} {bend},{other} {end},{other}"/>')
                svg.append(_changed(far.get(frozenset((view.candidate.id, parent))), end, other + number * _BELOW))
    svg += [
        _box(view, to(view.candidate.id), (*places[view.candidate.id], tall), view.candidate.id == best, liked, by)
        + _still(stills.get(view.candidate.id, ""), *places[view.candidate.id], tall)
        + "</a>"
        for view in candidates
    ]
    return "".join(svg) + "</svg>"


def _changed(distance: float | None, x: float, y: float) -> str:
    """How far a reward is from that of its parent, at the end of the line between them; empty where it is not known."""
    if distance is None:
        return ""
    return f'<text class="changed" x="{x - 4}" y="{y - 4}" text-anchor="end">{distance:.2f}</text>'


def _still(data: str, x: float, y: float, tall: float) -> str:
    """A picture in a box, between its words and its bar; empty without one. Data alone: it is made of base64."""
    if not data:
        return ""
    place = f'x="{x + 8}" y="{y + tall - _PICTURE - 8}" width="{BOX_WIDTH - 16}" height="{_PICTURE - 4}"'
    return f'<image href="{escape(data)}" {place} preserveAspectRatio="xMidYMid meet" aria-hidden="true"/>'


def _box(
    view: CandidateView, target: str, place: tuple[float, float, float], best: bool, liked: Strengths, by: str
) -> str:
    """All of a box but its picture and its end."""
    x, y, tall = place
    strength = liked.of(view.candidate.id)
    people = f"{by} {strength.value:+.2f} ({strength.won} : {strength.lost})" if strength else ""
    success = max(view.success, 0.0)
    success_text = f"{view.success:.2f}" if view.ruled else "-"
    kind = " best" if best else ""
    return (
        f'<a href="{escape(target)}"><title>{escape(view.candidate.thought)}</title>'
        f'<rect class="box{kind}" x="{x}" y="{y}" width="{BOX_WIDTH}" height="{tall}" rx="6"/>'
        f'<rect class="fill" x="{x + 8}" y="{y + tall - 7}" width="{(BOX_WIDTH - 16) * success:.1f}" height="3" rx="1.5"/>'
        f'<text x="{x + 8}" y="{y + 15}">{escape(view.candidate.id)} <tspan class="dim">{escape(view.candidate.how)}</tspan></text>'
        f'<text class="dim" x="{x + BOX_WIDTH - 8}" y="{y + 15}" text-anchor="end">{success_text}</text>'
        f'<text class="dim" x="{x + 8}" y="{y + 15 + _LINE}">{people}</text>'
    )
