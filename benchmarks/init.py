"""How many registered environments `autoreward init` gives a card that `autoreward run` starts on, unedited.

python benchmarks/init.py            # needs the extras mujoco, box2d, robotics, minigrid, metaworld, highway
"""

import subprocess
import sys
import tempfile
from pathlib import Path

IDS = """CartPole-v1 MountainCar-v0 MountainCarContinuous-v0 Pendulum-v1 Acrobot-v1 LunarLander-v3 BipedalWalker-v3 FrozenLake-v1
Taxi-v4 Blackjack-v1 HalfCheetah-v5 Ant-v5 Humanoid-v5 Pusher-v5 Swimmer-v5 CarRacing-v3 gymnasium_robotics:FetchReach-v4
gymnasium_robotics:PointMaze_UMaze-v3 gymnasium_robotics:AdroitHandDoor-v1 minigrid:MiniGrid-DoorKey-6x6-v0
minigrid:MiniGrid-KeyCorridorS3R1-v0 metaworld:Meta-World/MT1@reach-v3 metaworld:Meta-World/MT1@drawer-open-v3
highway_env:highway-fast-v0 highway_env:parking-v0""".split()


def tried(identity: str, folder: Path) -> tuple[str, str]:
    """What `init` and `run` said in the end: `ok`, or the last line of the error."""
    env, _, name = identity.partition("@")
    arguments = ["--kwargs", f'{{"env_name": "{name}"}}'] if name else []
    made = command("init", env, "--goal", "Do it well.", "--to", str(folder), "--yes", "--model", "grammar", *arguments)
    if made.returncode:
        return said(made), ""
    task = next(line.split()[-1] for line in made.stdout.splitlines() if line.startswith("next"))
    run = command(
        "run", task, "--model", "grammar", "--candidates", "1", "--rounds", "1", "--steps", "2048", "--finalist-seeds",
        "0", "--confirm-seeds", "0", "--episodes", "2", "--runs", str(folder / "runs"),
    )  # fmt: skip
    return "ok", "ok" if run.returncode == 0 else said(run)


def command(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run autoreward."""
    return subprocess.run([sys.executable, "-m", "autoreward", *arguments], capture_output=True, text=True, check=False)


def said(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of its errors."""
    return (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]


if __name__ == "__main__":
    print("| environment | init | run |\n|---|---|---|")
    count = 0
    for identity in sys.argv[1:] or IDS:
        with tempfile.TemporaryDirectory() as folder:
            init, run = tried(identity, Path(folder))
        count += init == run == "ok"
        print(f"| {identity} | {init} | {run} |", flush=True)
    print(f"\n{count} of {len(sys.argv[1:] or IDS)}")
