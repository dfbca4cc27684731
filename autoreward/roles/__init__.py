"""Every prompt's caller. How models are asked at all is not here, but in `llm`.

designer.py     writes reward programs, and corrections of them
history.py      what a designer is shown of the search so far
critic.py       reads programs that run, and says what is wrong with them
analyzer.py     looks at pairs of episodes, and says why a program failed
auditor.py      looks at successful episodes, and says what the success rule forgot
card_writer.py  names the fields of an environment, and proposes its rule
"""
