"""Everything that is wrong with a program is said at once, in few words, and nothing honest is taken for a slip."""

from pathlib import Path

import numpy as np
import pytest
from batches import batch, practice
from replies import GOOD, SIGNATURE

from autoreward.checks.dry_run import dry_run
from autoreward.checks.review import review
from autoreward.checks.samples import Practice
from autoreward.core.outcomes import Outcome
from autoreward.records import Candidate, CompositionName, Verdict
from autoreward.rewards.gate.gate import examine
from autoreward.rewards.gate.rules import Problem
from autoreward.rewards.gate.slips import Known, close_name
from autoreward.rewards.gate.together import MOST_SAID, together
from autoreward.sandbox.jail import Jail

KNOWN = Known.of(("position", "velocity"), ("force",), {"FLAG": 0.5, "HOLD_AT": 1.0})
RETURN = 'return {"a": next_state.position}'


def program(body: str, head: str = "") -> str:
    return head + SIGNATURE + "".join(f"    {line}\n" for line in body.splitlines())


def said(source: str) -> list[str]:
    found = examine(source, KNOWN)
    return [problem.message for problem in (*found.problems, *found.slips)]


SLIPS = [
    ('return {"a": next_state.target - next_state.fingertip}', ["no fields 'target', 'fingertip'. It has: position"]),
    ('return {"a": next_state.positon}', ["no field 'positon'; did you mean 'position'?"]),
    ('return {"a": next_state.position + state.step}', ["state has no field 'step'"]),
    ('return {"a": np.abs(action.torque)}', ["action has no field 'torque'. It has: force"]),
    ('return {"a": next_state.position - FLAG}', ["'FLAG' is not defined: write FLAG = 0.5 above the function"]),
    ('return {"a": next_state.position - GOAL + OTHER}', ["'OTHER', 'GOAL' is not defined: np and math"]),
    ("gap = next_state.position", ["nothing is returned: end with return"]),
    ("return next_state.position, {}", ["return a dict of named parts"]),
    ("return -next_state.position", ["return a dict of named parts"]),
    ("return", ["return a dict of named parts"]),
    (f"if next_state.position > 0.5:\n    pass\n{RETURN}", ["if can't choose by rows: use np.where"]),
    (f"gap = np.abs(next_state.position)\nif not gap:\n    pass\n{RETURN}", ["not can't turn rows"]),
    (f"x = 1.0 if next_state.terminated else 0.0\n{RETURN}", ["if can't choose by rows"]),
    ('x = next_state.position\nreturn {"a": 1.0 * (x > 0 and x < 1)}', ["and can't join rows: write (a) & (b)"]),
    ('return {"a": max(next_state.position, 0.0)}', ["max() takes one number, and fields have rows: use np.maximum"]),
    ('return {"a": math.exp(-next_state.position)}', ["math.exp takes one number, and fields have rows"]),
    ("near = -next_state.position\ncalm = -next_state.velocity\ntotal = near + calm\n"
     'return {"near": near, "calm": calm, "total": total}', ["part 'total' is the sum of the others"]),
    ('a, b = 1, 2\nx = next_state.position\nparts = {"x": x, "y": -x * 2, "all": x + -x * 2}\nreturn parts',
     ["part 'all' is the sum"]),
    ("import torch\nfrom scipy import stats\nx = torch.abs(next_state.target)",
     ["nothing is", "'torch', 'scipy' can't be imported", "'target'"]),
]  # fmt: skip


@pytest.mark.parametrize(("body", "expected"), SLIPS, ids=[expected[0][:40] for _, expected in SLIPS])
def test_a_slip_is_said_with_what_to_write_instead(body: str, expected: list[str]) -> None:
    found = said(program(body))
    assert len(found) == len(expected), found
    for message, part in zip(found, expected, strict=True):
        assert part in message


HONEST = [
    GOOD.replace("next_state.x", "next_state.position").replace("next_state.v).sum(axis=-1)", "next_state.velocity)"),
    program(f"if len(next_state.position) > 3:\n    pass\n{RETURN}"),
    program(f"if np.any(next_state.position > 0.0) and next_state.position.shape[0] > 1:\n    pass\n{RETURN}"),
    program(f"if memory.get('a', 0.0) is None:\n    pass\n{RETURN}"),
    program(f"x = next_state.position\nx = 1.0\nif x > 0:\n    pass\n{RETURN}"),
    program(f"x = max(1.0, 2.0) + float(np.mean(next_state.position)) + max(next_state.position)\n{RETURN}"),
    program(f"rows = [abs(x) for x in next_state.position]\n{RETURN}"),
    program(
        'near = next_state.position\ncalm = next_state.velocity\nreturn {"near": near, "calm": calm, "third": near + 2.0 * calm}'
    ),
    program('near = next_state.position\nreturn {"near": near, "again": near}'),
    program("parts = {}\nparts['a'] = next_state.position\nreturn parts"),
    program("return parts(next_state)", "def parts(s):\n    return {'a': s.position}\n\n\n"),
    program("return dict(a=next_state.position)"),
    program('def inner(x):\n    return x + 1.0\nreturn {"a": inner(next_state.position)}'),
    program(f"if not {{}}:\n    raise ValueError('x')\n{RETURN}"),
    program(
        'if True:\n    return {"a": state.position}\nelse:\n    return {"a": next_state.position * next_state.terminated}'
    ),
]


@pytest.mark.parametrize("source", HONEST)
def test_honest_writing_has_no_slips(source: str) -> None:
    assert said(source) == []


def test_what_would_fail_next_is_said_beside_what_fails(jail: Jail, rows: Practice) -> None:
    source = program("if next_state.place > 0:\n    pass\nreturn {'a': action.pull - action.push - action.force}")
    assert not examine(source).problems
    verdict = review(Candidate(id="c", source=source, thought="", origin="model", how="given"), jail, rows)
    assert [f.message.partition(".")[0] for f in verdict.findings] == [
        "next_state has no field 'place'",
        "action has no fields 'pull', 'force'",
    ]


BROKEN = [body for body, _ in SLIPS if "np.where" not in body and "GOAL" not in body and "FLAG" not in body]


@pytest.mark.parametrize("body", BROKEN)
def test_what_is_called_a_slip_fails_in_the_dry_run(body: str, jail: Jail, rows: Practice) -> None:
    """The same programs end at the gate or in the jail without a look for slips."""
    source = program(body).replace(".position", ".x").replace(".velocity", ".x")
    assert examine(source).problems or not dry_run(jail, source, rows, uses_memory=False)[0].ok


def test_a_slip_that_is_never_reached_stops_no_program(jail: Jail, rows: Practice) -> None:
    source = program('if False:\n    return next_state.nothing\nreturn {"a": next_state.x}')
    assert examine(source, rows.known).slips
    verdict = review(Candidate(id="c", source=source, thought="", origin="model", how="given"), jail, rows)
    assert verdict.accepted
    assert verdict.findings == ()


@pytest.fixture(scope="module")
def rows() -> Practice:
    return practice(batch())


def test_a_sum_that_the_text_does_not_show_is_found_by_its_numbers(jail: Jail, rows: Practice) -> None:
    source = program('p = {"a": next_state.x, "b": state.x}\nreturn {**p, "c": sum(p.values())}')
    verdict = review(Candidate(id="c", source=source, thought="", origin="model", how="given"), jail, rows)
    (finding,) = verdict.findings
    assert finding.message == "part 'c' is the sum of the others, so that each counts twice: leave it out"


def test_rows_that_a_reduction_takes_away_are_named(jail: Jail, rows: Practice) -> None:
    source = program('return {"a": -np.linalg.norm(next_state.x, axis=-1)}')
    verdict = review(Candidate(id="c", source=source, thought="", origin="model", how="given"), jail, rows)
    assert "a field of shape (n,) needs no sum, norm or axis=-1" in verdict.findings[0].message


@pytest.mark.parametrize(
    ("name", "meant"),
    [("target", ""), ("positon", "position"), ("vel", ""), ("velocities", "velocity"), ("step_index", "")],
)
def test_a_hint_is_given_only_for_what_is_close(name: str, meant: str) -> None:
    assert close_name(name, ("position", "velocity", "step", "terminated")) == meant


def test_all_findings_together_have_a_bound() -> None:
    """The first is there whole, what does not fit loses its advice, and what still does not is counted."""
    many = [Problem(f"rule{i}", f"fault number {i} of this program: {'advice ' * 8}", i) for i in range(40)]
    found = together(many)
    assert len(" ".join(p.message for p in found)) <= MOST_SAID
    assert found[0].message == "fault number 0 of this program"
    assert found[-1].message.startswith("and ")
    (one,) = together([Problem("name", "x" * 250, 1)])
    assert len(one.message) == 250


def test_a_program_of_six_faults_is_told_of_each() -> None:
    source = program(
        "gap = next_state.target\nif next_state.position > FLAG:\n    pass\nnear = -gap\neffort = action.torque\n"
        'total = near + effort\nreturn {"near": near, "effort": effort, "total": total}',
        "import torch\n",
    )
    found = " ".join(said(source))
    for word in ("torch", "target", "FLAG", "rows", "torque", "total"):
        assert word in found, found
    assert len(found) <= MOST_SAID


def test_every_red_team_sample_stays_within_the_bound() -> None:
    for path in sorted((Path(__file__).parent / "redteam").glob("*.py")):
        examined = examine(path.read_text(), Known.of(("x",), ("push",), {}))
        found = (*examined.problems, *examined.slips)
        assert len(" ".join(p.message for p in found)) <= MOST_SAID, path.name


def test_a_review_knows_what_parts_are_for_and_what_random_actions_are_paid(jail: Jail, rows: Practice) -> None:
    body = SIGNATURE + "    return {'near': -np.abs(next_state.x), 'there': 1.0 * (next_state.x > 0.0)}\n"

    def reviewed(roles: str, composition: CompositionName) -> Verdict:
        given = Candidate(
            id="c", source=f"{roles}{body}", thought="", origin="model", how="given", composition=composition
        )
        return review(given, jail, rows)

    x = rows.samples.next_state["x"]
    found = reviewed("ROLES = {'near': 'dense', 'there': 'main'}\n", "sign")
    assert found.accepted
    assert found.setup.roles == {"near": "dense", "there": "main"}
    assert found.setup.reference is not None
    assert found.setup.reference.mean == pytest.approx(float((1.0 * (x > 0.0) - np.abs(x)).mean()))
    without = reviewed("", "sign")
    assert (without.accepted, without.outcome) == (False, Outcome.BROKE_CONTRACT)
    assert 'composition sign: no part has the role "main"' in without.findings[0].message
    strange = reviewed("ROLES = {'far': 'main'}\n", "sum")
    assert "ROLES speaks of 'far', which is no part: the parts are near, there" in strange.findings[0].message
