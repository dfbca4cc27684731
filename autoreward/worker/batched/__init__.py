"""Simulators that step all environments of a task at once, in arrays. Trainings use them; whatever is scored is played in the
person's own environment.

    simulator.py     what such a simulator does, and what is known of the environment that it stands in for
    envs.py          a `VectorEnv` of one
    envpool_plan.py  which of EnvPool's environments a card's is, or why none is
    envpool_sim.py   EnvPool as such a simulator
    grid_view.py     a grid world of EnvPool's as a card's state.py reads it
    same_state.py    Gymnasium environments, put where EnvPool's are
    conformance.py   whether the two are the same environment, by what they do
    choice.py        which simulator a task's trainings get
"""
