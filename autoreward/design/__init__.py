"""Candidates made ready: a model's drafts refined, the grammar's evolved, weights tuned. What a model is asked with is in `roles`.

refine.py         draft, check, repair, criticise
weight_tuning.py  a program's weights, tuned on recorded episodes
grammar/          the embedded designer, which needs no model
"""
