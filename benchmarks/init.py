"""How many environments `autoreward init` gives a card that `tasks --check` accepts and `autoreward run` starts on, unedited.

python benchmarks/init.py            # needs the extras mujoco, box2d, robotics, minigrid, metaworld, highway

25 registered ones, two of MuJoCo's with the positions that they usually leave out, and three as people have them (`own_envs.py`): a
dict with a tolerance, choices side by side, and pixels with a `state.py`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

IDS = """CartPole-v1 MountainCar-v0 MountainCarContinuous-v0 Pendulum-v1 Acrobot-v1 LunarLander-v3 BipedalWalker-v3 FrozenLake-v1
Taxi-v4 Blackjack-v1 HalfCheetah-v5 Ant-v5 Humanoid-v5 Pusher-v5 Swimmer-v5 CarRacing-v3 gymnasium_robotics:FetchReach-v4
gymnasium_robotics:PointMaze_UMaze-v3 gymnasium_robotics:AdroitHandDoor-v1 minigrid:MiniGrid-DoorKey-6x6-v0
minigrid:MiniGrid-KeyCorridorS3R1-v0 metaworld:Meta-World/MT1@reach-v3 metaworld:Meta-World/MT1@drawer-open-v3
highway_env:highway-fast-v0 highway_env:parking-v0 Hopper-v5@+positions Swimmer-v5@+positions own_envs:OwnArm-v0
own_envs:OwnValves-v0 own_envs:OwnArmPixels-v0""".split()
HERE = Path(__file__).parent
POSITIONS = "+positions"
STATE = """def observe(env, observation, info):
    return {"joints": env.joints, "speeds": env.speeds, "tip": env.tip, "goal": env.goal}
"""


def tried(identity: str, folder: Path) -> tuple[str, str, str]:
    """What `init`, `tasks --check` and `run` said in the end: `ok`, or the last line of the error."""
    env, _, name = identity.partition("@")
    kwargs = {"exclude_current_positions_from_observation": False} if name == POSITIONS else {"env_name": name}
    arguments = ["--kwargs", json.dumps(kwargs)] if name else []
    if "Pixels" in env:
        (folder / "task").mkdir()
        (folder / "task" / "state.py").write_text(STATE)
    made = command(
        "init", env, "--goal", "Do it well.", "--to", str(folder), "--name", "task", "--yes", "--model", "grammar",
        "--trust", *arguments,
    )  # fmt: skip
    if made.returncode:
        return said(made), "", ""
    task = str(folder / "task")
    checked = command("tasks", task, "--check", "--trust")
    doubts = [line.strip() for line in checked.stdout.splitlines() if "range of" in line]
    run = command(
        "run", task, "--model", "grammar", "--candidates", "1", "--rounds", "1", "--steps", "2048", "--finalist-seeds",
        "0", "--confirm-seeds", "0", "--episodes", "2", "--runs", str(folder / "runs"), "--trust",
    )  # fmt: skip
    return "ok", "; ".join(doubts) or "ok", "ok" if run.returncode == 0 else said(run)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run autoreward."""
    return subprocess.run(
        [sys.executable, "-m", "autoreward", *arguments], capture_output=True, text=True, check=False, cwd=HERE
    )


def said(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of its errors."""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


if __name__ == "__main__":
    print("| environment | init | ranges | run |\n|---|---|---|---|")
    count = 0
    for identity in sys.argv[1:] or IDS:
        with tempfile.TemporaryDirectory() as folder:
            init, ranges, run = tried(identity, Path(folder))
        count += init == ranges == run == "ok"
        print(f"| {identity} | {init} | {ranges} | {run} |", flush=True)
    print(f"\n{count} of {len(sys.argv[1:] or IDS)}")
