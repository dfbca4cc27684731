"""Candidates made ready: a model's drafts refined, the grammar's evolved, weights tuned,
parts added up in other ways. What a model is asked with is in `roles`.

refine.py         draft, check, repair, criticise
fill.py           the grammar's programs where a model gave too few
goal_variations.py  ways to understand a goal, without a model
weight_tuning.py  a program's weights, tuned on recorded episodes
recompose.py      programs under another composition
resettle.py       programs trained with other settings
grammar/          the embedded designer, which needs no model
"""
