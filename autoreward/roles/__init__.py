"""Every prompt's caller. How models are asked at all is not here, but in `llm`.

brief.py        what every role is told: the task, the rule, the environment, how a policy is trained and judged
example.py      a plain program in a task's own names
designer.py     writes reward programs, and corrections of them
ideas.py        what it answers, read
controller.py   writes a policy as code, to be held beside those that are trained
history.py      what a designer is shown of the search so far
critic.py       reads programs that run, and says what is wrong with them
lessons.py      what analyzers said of other programs, and the starts that nobody gets right
analyzer.py     looks at pairs of episodes, and says why a program failed
endings.py  episode_tables.py    how all episodes end, and single ones as tables
auditor.py      looks at successful episodes, and says what the success rule forgot
judge.py        says of pairs of policies which does more of what the goal says
debate.py       argues both sides of a pair of which a judge said two things, and judges by what is so
shown_pairs.py  pairs as both are shown them, and whether what they cite is so
trait_writer.py  proposes formulas for what people said of episodes
tools.py        what designer and analyzer may call before they answer: programs tried, recorded episodes looked at
goal_reader.py  says how else a goal could be meant
card_writer.py  names the fields of an environment, and proposes its rule
"""
