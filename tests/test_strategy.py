"""What every strategy promises, on made-up searches; and what truncation selection starts from."""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from test_architecture import ROOT, by_path

from autoreward.config import RunConfig
from autoreward.core.outcomes import Outcome
from autoreward.core.resources import envs_folder
from autoreward.core.wording import in_shell
from autoreward.design.grammar.evolve import slots
from autoreward.design.grammar.terms import Genome, Term
from autoreward.design.recompose import as_demanded, recomposed
from autoreward.errors import ConfigError
from autoreward.evaluation.ranking import best
from autoreward.records import Candidate, Round, Score, Screened, Strength, Strengths, Verdict
from autoreward.rewards.compose import COMPOSITIONS
from autoreward.search.keep_or_revert import KeepOrRevert
from autoreward.search.strategy import FIRST_IDEA, UNWRITTEN, Strategy, Variation
from autoreward.search.truncation import RECOMPOSED, TruncationSelection
from autoreward.session.run import config_for
from autoreward.settings import declared_settings
from autoreward.tasks.files import find_task

TASK = find_task("mountain-car", (envs_folder(),))
other = by_path("other_strategies", ROOT / "benchmarks" / "other_strategies.py")

PARENTS = {
    "spread": (0, 0),
    "fresh": (0, 0),
    "mutation": (1, 1),
    "weights": (1, 1),
    "composition": (1, 1),
    "settings": (1, 1),
    "crossover": (2, 100),
    "rewrite": (0, 100),
}
"""How many an operator takes."""


class HillClimbing:
    """Mutates the best program, and no other."""

    def __init__(self, config: RunConfig) -> None:
        self._count = config.candidates

    def ask(self, rounds: Sequence[Round]) -> tuple[Variation, ...]:
        winner = best(rounds, TASK)
        return (Variation("mutation", (winner,)) if winner else FIRST_IDEA,) * self._count


def truncation(config: RunConfig) -> Strategy:
    return TruncationSelection(TASK, config, slots)


STRATEGIES: dict[str, Callable[[], tuple[Strategy, RunConfig]]] = {
    "grammar": lambda: with_config(truncation, candidates=8),
    "grammar, tuned": lambda: with_config(truncation, candidates=5, tune_weights=True),
    "grammar, one": lambda: with_config(truncation, candidates=1, tune_weights=True),
    "model": lambda: with_config(truncation, candidates=4, model="manual"),
    "model, tuned": lambda: with_config(truncation, candidates=1, model="manual", tune_weights=True),
    "grammar, added up in other ways": lambda: with_config(truncation, candidates=3, composition="auto"),
    "model, added up in other ways": lambda: with_config(
        truncation, candidates=2, model="manual", composition="auto", tune_weights=True
    ),
    "keep or revert": lambda: with_config(keeping, candidates=1),
    "keep or revert, by a model": lambda: with_config(keeping, candidates=1, model="manual"),
    "fake": lambda: with_config(HillClimbing, candidates=3),
    "archive": lambda: with_config(partial(other.Archive, TASK), candidates=4),
    "tree": lambda: with_config(partial(other.Tree, TASK), candidates=4),
    "islands": lambda: with_config(partial(other.Islands, TASK), candidates=5),
    "operators": lambda: with_config(partial(other.Operators, TASK), candidates=4),
    "grammar, with other settings": lambda: with_config(truncation, candidates=3, tune_settings=True),
}


def keeping(config: RunConfig) -> Strategy:
    return KeepOrRevert(TASK, config)


def with_config(strategy: Callable[[RunConfig], Strategy], **chosen: object) -> tuple[Strategy, RunConfig]:
    config = RunConfig.model_validate(chosen)
    return strategy(config), config


def search(seed: int) -> list[Round]:
    """Some rounds, as a search may leave them: programs alike, refused, crashed, trained in legs, liked."""
    rng = random.Random(seed)
    return [played(rng, number) for number in range(rng.randrange(7))]


def played(rng: random.Random, number: int) -> Round:
    candidates = tuple(
        Candidate(id=f"r{number:03d}c{i}", source="", thought="", origin="grammar", how="fresh", genome=text)
        for i, text in enumerate(rng.choices(GENOMES, k=rng.randrange(1, 5)))
    )
    accepted = {c.id: rng.random() < 0.7 for c in candidates}
    legs = [(c.id, leg) for c in candidates if accepted[c.id] for leg in range(rng.randrange(3))]
    scores = tuple(scored(name, leg, rng.choice((0.0, 0.5, 0.95)), rng.random() < 0.8) for name, leg in legs)
    finished = sorted({s.candidate_id for s in scores if s.outcome.ok})
    strengths = tuple(
        Strength(candidate_id=name, value=rng.choice((-1.0, 0.0, 1.0)), error=0.5, won=0, lost=0, tied=0)
        for name in (finished if rng.random() < 0.3 else ())
    )
    return Round(
        number=number,
        candidates=candidates,
        verdicts=tuple(
            Verdict(candidate_id=name, accepted=ok, outcome=Outcome.COMPLETED if ok else Outcome.BROKE_CONTRACT)
            for name, ok in accepted.items()
        ),
        screened=Screened(order=tuple(name for name, ok in accepted.items() if ok)),
        trials=(),
        scores=scores,
        diagnoses=(),
        liked=Strengths(items=strengths),
    )


def scored(name: str, leg: int, success: float, ok: bool = True) -> Score:
    return Score(
        trial_id=f"{name}-s0-leg{leg}",
        candidate_id=name,
        outcome=Outcome.COMPLETED if ok else Outcome.CRASHED,
        steps=100 * (leg + 1),
        success=success,
        mean_success=success,
    )


def genome(*kinds: str, weight: float = 1.0) -> str:
    return Genome(
        terms=tuple(Term.model_validate({"kind": kind, "weight": weight}) for kind in kinds)
    ).model_dump_json()


GENOMES = [genome(*kinds, weight=w) for kinds in (("alive",), ("time",), ("alive", "effort")) for w in (1.0, 2.0)]


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_strategy_is_a_function_of_the_rounds(name: str, seed: int) -> None:
    """Whatever it was asked before, and whether the rounds come from memory or from disk."""
    rounds, (strategy, _) = search(seed), STRATEGIES[name]()
    read_again = tuple(Round.model_validate_json(r.model_dump_json()) for r in rounds)
    for number in range(len(rounds)):
        strategy.ask(rounds[:number])
    assert strategy.ask(rounds) == strategy.ask(read_again) == STRATEGIES[name]()[0].ask(rounds)


@pytest.mark.parametrize("name", STRATEGIES)
@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_parents_are_programs_of_the_run_that_were_trained(name: str, seed: int) -> None:
    rounds, (strategy, config) = search(seed), STRATEGIES[name]()
    known = {c.id for r in rounds for c in r.candidates}
    accepted = {v.candidate_id for r in rounds for v in r.verdicts if v.accepted}
    trained = {s.candidate_id for r in rounds for s in r.scores if s.outcome.ok}
    variations = strategy.ask(rounds)
    for operator, parents in variations:
        assert set(parents) <= (known if operator == "rewrite" else accepted & trained)
        assert len(set(parents)) == len(parents)
        fewest, most = PARENTS[operator]
        assert fewest <= len(parents) <= most
        assert operator in UNWRITTEN or (operator == "rewrite") == (config.model != "grammar")
    operators = [variation.operator for variation in variations]
    assert len([o for o in operators if o not in UNWRITTEN]) == config.candidates
    assert operators.count("weights") <= config.tune_weights
    assert operators.count("composition") <= RECOMPOSED * (config.composition == "auto")


@pytest.mark.parametrize("name", STRATEGIES)
def test_before_the_first_round_there_are_no_parents(name: str) -> None:
    strategy, config = STRATEGIES[name]()
    variations = strategy.ask(())
    assert len(variations) == config.candidates
    assert not any(variation.parents for variation in variations)


def round_of(number: int, *successes: float, genomes: Sequence[str] = GENOMES) -> Round:
    names = [f"r{number:03d}c{i}" for i in range(len(successes))]
    return Round(
        number=number,
        candidates=tuple(
            Candidate(id=n, source="", thought="", origin="grammar", how="fresh", genome=g)
            for n, g in zip(names, genomes, strict=False)
        ),
        verdicts=(),
        screened=Screened(order=()),
        trials=(),
        scores=tuple(scored(n, 0, s) for n, s in zip(names, successes, strict=True) if s),
        diagnoses=(),
    )


def test_the_grammar_is_asked_for_a_fresh_idea_mutations_in_turn_and_crossovers() -> None:
    rounds = (round_of(0, 0.1, 0.2, 0.3, 0.4, 0.5),)
    strategy, _ = with_config(truncation, candidates=8)
    # r000c4 is the only one of its parts; of the others the better of two alike
    parents = ("r000c4", "r000c3", "r000c1")
    mutations = [Variation("mutation", (name,)) for name in parents]
    crossover = Variation("crossover", parents)
    assert strategy.ask(rounds) == (
        Variation("fresh"), mutations[0], mutations[1], crossover, mutations[0], mutations[1], mutations[2], crossover,
    )  # fmt: skip


def test_one_parent_alone_is_crossed_with_none() -> None:
    strategy, _ = with_config(truncation, candidates=4)
    assert strategy.ask((round_of(0, 0.0, 0.5),)) == (Variation("fresh"), *[Variation("mutation", ("r000c1",))] * 3)


def test_rounds_in_which_nothing_was_trained_are_begun_anew() -> None:
    strategy, _ = with_config(truncation, candidates=2, tune_weights=True)
    assert strategy.ask((round_of(0, 0.0, 0.0),)) == (FIRST_IDEA, FIRST_IDEA)


def test_parents_are_of_the_last_four_rounds_and_tuned_weights_of_any() -> None:
    rounds = [round_of(0, 0.8), *(round_of(n, 0.1) for n in range(1, 5))]
    strategy, _ = with_config(truncation, candidates=2, tune_weights=True)
    fresh, mutation, weights = strategy.ask(rounds)
    assert fresh == Variation("fresh")
    assert mutation.parents[0] > "r000c0"
    assert weights == Variation("weights", ("r000c0",))


def test_the_best_two_of_all_are_added_up_in_other_ways() -> None:
    strategy, _ = with_config(truncation, candidates=1, composition="auto")
    asked = strategy.ask([round_of(0, 0.8, 0.9), *(round_of(n, 0.1) for n in range(1, 5))])
    assert asked[1:] == (Variation("composition", ("r000c1",)), Variation("composition", ("r000c0",)))


def test_a_program_is_tried_under_each_composition_once_and_under_two_a_round() -> None:
    first = round_of(0, 0.8, 0.9)
    written = tuple(c.model_copy(update={"source": f"# {c.id}"}) for c in first.candidates)
    rounds = [first.model_copy(update={"candidates": written})]
    made = recomposed(rounds, ["r000c1", "r000c0"], 3)
    assert [(c.id, c.how, c.parents, c.composition) for c in made] == [
        ("r001c3", "composition", ("r000c1",), "standardised"),
        ("r001c4", "composition", ("r000c1",), "conjunction"),
        ("r001c5", "composition", ("r000c0",), "standardised"),
        ("r001c6", "composition", ("r000c0",), "conjunction"),
    ]
    assert [c.source for c in made] == ["# r000c1", "# r000c1", "# r000c0", "# r000c0"]
    again = first.model_copy(update={"number": 1, "candidates": made, "scores": ()})
    assert [(c.composition, c.parents) for c in recomposed([*rounds, again], ["r000c1", "r001c3"], 0)] == [
        ("bounded", ("r000c1",))
    ]


def test_a_demanded_composition_is_that_of_every_program() -> None:
    written = round_of(0, 0.8, 0.9).candidates
    assert [c.composition for c in as_demanded(written, "sign")] == ["sign", "sign"]
    assert as_demanded(written, "own") == as_demanded(written, "auto") == written
    with pytest.raises(ValidationError, match="write COMPOSITION in its file"):
        RunConfig.model_validate({"given": written[0], "composition": "sign"})


def test_a_setting_knows_each_composition() -> None:
    (known,) = [s.type for name, s in declared_settings().items() if name == "composition"]
    assert set(get_args(known)) == {"own", "auto", *COMPOSITIONS}


def test_a_model_is_shown_three_of_the_latest_round_and_two_of_each_before() -> None:
    rounds = [round_of(n, 0.0, 0.1, 0.4, 0.3, 0.2) for n in range(6)]
    strategy, _ = with_config(truncation, candidates=2, model="manual")
    one, other = strategy.ask(rounds)
    assert one == other
    assert one == Variation("rewrite", (
        "r002c2", "r002c3", "r003c2", "r003c3", "r004c2", "r004c3", "r005c2", "r005c3", "r005c4",
    ))  # fmt: skip
    (first, _) = strategy.ask(rounds[:1])
    assert first.parents == ("r000c2", "r000c3", "r000c4")
    (refused, _) = strategy.ask([round_of(0, 0.0, 0.0)])
    assert refused.parents == ("r000c0", "r000c1"), "what failed is shown too"


def test_programs_that_are_not_the_grammars_are_none_of_its_parents() -> None:
    strategy, _ = with_config(truncation, candidates=2)
    written_by_hand = round_of(0, 0.9, 0.5, genomes=("", GENOMES[0]))
    assert strategy.ask((written_by_hand,)) == (Variation("fresh"), Variation("mutation", ("r000c1",)))


def test_the_best_so_far_is_kept_and_what_is_no_better_is_left() -> None:
    strategy, _ = with_config(keeping, candidates=1)
    assert strategy.ask(()) == (FIRST_IDEA,)
    better, worse = round_of(1, 0.5), round_of(2, 0.3)
    assert strategy.ask((round_of(0, 0.2), better)) == (Variation("mutation", ("r001c0",)),)
    assert strategy.ask((round_of(0, 0.2), better, worse)) == (Variation("mutation", ("r001c0",)),)


def test_a_model_sees_what_is_kept_and_what_it_tried_last() -> None:
    strategy, _ = with_config(keeping, candidates=1, model="manual")
    assert strategy.ask(()) == (Variation("rewrite", ()),)
    assert strategy.ask((round_of(0, 0.5), round_of(1, 0.3))) == (Variation("rewrite", ("r000c0", "r001c0")),)
    assert strategy.ask((round_of(0, 0.5),)) == (Variation("rewrite", ("r000c0",)),)


def test_a_search_that_keeps_or_reverts_has_a_round_for_each_training() -> None:
    config = config_for(TASK, {"search": "agent", "budget": 6.5, "model": "grammar"})
    assert (config.rounds, config.candidates, config.finalists, config.finalist_seeds) == (6, 1, 1, 0)
    assert config_for(TASK, {"search": "agent", "rounds": 3, "model": "grammar"}).rounds == 3
    assert config_for(TASK, {"model": "grammar"}).rounds == 3


@pytest.mark.parametrize(
    "more", [{"candidates": 4}, {"composition": "auto"}, {"tune_weights": True}, {"tune_settings": True}], ids=str
)
def test_a_search_that_keeps_or_reverts_takes_nothing_that_adds_programs(more: dict[str, object]) -> None:
    (name,) = more
    with pytest.raises(ConfigError) as refused:
        config_for(TASK, {"search": "agent", **more})
    option = f"--{name.replace('_', '-')}"
    assert refused.value.worded(in_shell) == f"--search agent: it tries one program at a time; leave {option} out."
