"""Training of the scene network: `./make4d train FOLDER... --out FOLDER`.

Training goes on from the checkpoint in the output folder if there is one. A checkpoint holds the
network, its averaged weights, the optimizer and how far the learning rate's schedule is; batches
depend only on the seed and the step. So a training that was stopped goes on as if it hadn't been.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from .calibration import calibrate, thresholds
from .dataset import Batches, Folders
from .export import export, load_weights
from .losses import losses_of, total
from .network import SceneNetwork, load_imagenet
from .targets import Targets, targets_of
from .validation import CurveFile, validate

CHECKPOINT, CURVE, WEIGHTS_FILE = "checkpoint.pt", "curve.csv", "scene.onnx"
WARM_UP = 100
"""Steps over which the learning rate rises in the beginning."""
AVERAGE = 0.999
"""Decay of the averaged weights per step."""
ENCODER_SHARE = 0.4
"""The encoder's learning rate relative to the decoder's: it has been trained before."""
FIXED_NORMS = 2000
"""Steps after which the decoder's batch norms keep their statistics, those of the averaged network;
a training that starts from weights keeps theirs from the beginning.
Statistics of so few pictures are noisy: the loss was a seventh higher with them."""
WEIGHT_DECAY = 0.02
LARGEST_GRADIENT = 5.0
RESCAN = 200
"""Steps after which the folders are read again: they may grow meanwhile."""
PRINTED = 20
"""Steps between two lines of progress."""


@dataclass(frozen=True)
class Plan:
    """What to train with.

    Attributes:
        folders: Folders of samples, with how often each is drawn from relative to the others.
        out: Folder of the checkpoint, the curve and the weights.
        size: Height and width of landscape crops.
        batch: Samples in a batch.
        steps: Length of the whole training in steps, with all runs before; 0 if `minutes` rules.
        minutes: Its length in minutes.
        rate, end_rate: Learning rates after the warm-up and at the end.
        threads: Threads of PyTorch.
        seed: Of the batches and the first weights.
        start: ONNX file with weights to start from instead of the encoder's alone.
        imagenet: Whether a fresh encoder starts from ImageNet weights.
        calibrate: Folder of labeled photographs to calibrate the final weights on.
        save_every, validate_every: Steps between checkpoints, and between validations.
    """

    folders: dict[Path, float]
    out: Path
    size: tuple[int, int] = (224, 288)
    batch: int = 8
    steps: int = 0
    minutes: float = 0.0
    rate: float = 1e-3
    end_rate: float = 2e-5
    threads: int = 1
    seed: int = 0
    start: Path | None = None
    imagenet: bool = True
    calibrate: Path | None = None
    save_every: int = 200
    validate_every: int = 500


@dataclass
class Progress:
    """How far a training is: steps done, and seconds spent on them."""

    step: int = 0
    seconds: float = 0.0

    def share(self, plan: Plan) -> float:
        """Return how much of the plan is done, 0..1."""
        return min(self.step / plan.steps if plan.steps else self.seconds / 60 / plan.minutes, 1.0)


class Trainer:
    """A training in progress.

    Args:
        plan: What to train with. The number of steps or minutes may differ from the run before,
            and the learning rate follows the new plan from there.

    Raises:
        ValueError: if there is nothing to train on.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        torch.set_num_threads(plan.threads)
        torch.manual_seed(plan.seed)
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = SceneNetwork()
        if plan.imagenet:
            load_imagenet(self.network)
        if plan.start is not None:
            load_weights(self.network, plan.start)
        self.network.freeze()
        self.network.to(self.device, memory_format=torch.channels_last)
        self.average = {k: v.detach().clone() for k, v in self.network.state_dict().items()}
        self.optimizer = make_optimizer(self.network, plan.rate)
        self.progress = Progress()
        self.folders = Folders(plan.folders)
        self.batches = Batches(self.folders, plan.size, plan.batch, plan.seed)
        self.curve = CurveFile(plan.out / CURVE)
        self.load()

    def run(self, say: Callable[[str], None] = print) -> None:
        """Train until the plan is done; `say` prints a line."""
        sums: dict[str, float] = {}
        with background_process() as pool:
            coming = pool.submit(prepare, self.batches, self.progress.step)
            while self.progress.share(self.plan) < 1:
                begun = time.monotonic()
                targets, coming = self.next_batch(coming, pool)
                losses = self.step(targets)
                self.progress.seconds += time.monotonic() - begun
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + value / PRINTED
                sums["s/step"] = sums.get("s/step", 0.0) + (time.monotonic() - begun) / PRINTED
                if self.progress.step % PRINTED == 0:
                    say(self.line(sums))
                    sums = {}
                if self.progress.step % self.plan.save_every == 0:
                    self.save()
                if self.progress.step % self.plan.validate_every == 0:
                    say(self.validate())
            coming.cancel()
        self.save()
        say(self.validate())
        if self.plan.calibrate is not None:
            say(self.calibrate(self.plan.calibrate))

    def calibrate(self, folder: Path) -> str:
        """Calibrate the written weights on the samples of a folder; return the thresholds."""
        network, paths = self.averaged(), sorted(folder.glob("*.npz"))
        found = thresholds(network, paths, self.plan.size, self.device)
        calibrate(network, found)
        export(network.cpu(), self.plan.out / WEIGHTS_FILE)
        parts = (f"{channel.name.lower()} {value:+.2f}" for channel, value in found.items())
        return "thresholds: " + ", ".join(parts)

    def next_batch(
        self, coming: Future[Targets], pool: Executor
    ) -> tuple[Targets, Future[Targets]]:
        """Return the batch that was being prepared, and begin the one after it."""
        targets = coming.result()
        if self.progress.step % RESCAN == 0:
            self.folders.scan()
        return targets, pool.submit(prepare, self.batches, self.progress.step + 1)

    def step(self, targets: Targets) -> dict[str, float]:
        """Take one step and return the losses, with their weighted sum as `all`."""
        self.set_rate()
        learns_norms = self.plan.start is None and self.progress.step < FIXED_NORMS
        if self.plan.start is None and self.progress.step == FIXED_NORMS:
            self.network.load_state_dict(self.average)
        self.network.train(learns_norms)
        moved = targets.to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16):
            maps = self.network(moved.image)
        generator = torch.Generator().manual_seed(self.plan.seed + self.progress.step)
        losses = losses_of(maps.float(), moved, generator)
        loss = total(losses)
        self.optimizer.zero_grad()
        loss.backward()
        trained = [p for group in self.optimizer.param_groups for p in group["params"]]
        torch.nn.utils.clip_grad_norm_(trained, LARGEST_GRADIENT, error_if_nonfinite=True)
        self.optimizer.step()
        self.progress.step += 1
        self.update_average()
        return {"all": loss.item()} | {name: value.item() for name, value in losses.items()}

    def set_rate(self) -> None:
        """Set the learning rate: a warm-up, then half a cosine down to the plan's end."""
        plan = self.plan
        wave = 0.5 + 0.5 * math.cos(math.pi * self.progress.share(plan))
        rate = plan.end_rate + (plan.rate - plan.end_rate) * wave
        rate *= min(1.0, (self.progress.step + 1) / WARM_UP)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["share"]

    @torch.no_grad()
    def update_average(self) -> None:
        """Move the averaged weights toward the present ones, faster in the beginning."""
        step = self.progress.step
        decay = min(AVERAGE, (1 + step) / (10 + step))
        values = self.network.state_dict()
        moving = [name for name, value in values.items() if value.is_floating_point()]
        ends = [values[name] for name in moving]
        torch._foreach_lerp_([self.average[name] for name in moving], ends, 1 - decay)
        for name in values.keys() - moving:
            self.average[name].copy_(values[name])

    def averaged(self) -> SceneNetwork:
        """Return a network with the averaged weights."""
        network = SceneNetwork().to(self.device, memory_format=torch.channels_last)
        network.load_state_dict(self.average)
        return network.eval()

    def validate(self) -> str:
        """Measure the averaged network on what is held out, add a row to the curve, return it."""
        found = validate(self.averaged(), self.folders.held_out, self.plan.size, self.device)
        self.curve.add(self.progress.step, self.progress.seconds / 60, found)
        rows = (
            " ".join([f"  held out, {name}:", *(f"{k} {v:.3f}" for k, v in measures.items())])
            for name, measures in found.items()
        )
        return "\n".join([f"step {self.progress.step}: {self.folders.count()} samples", *rows])

    def line(self, sums: dict[str, float]) -> str:
        """Return a line of progress."""
        rate = self.optimizer.param_groups[0]["lr"] / self.optimizer.param_groups[0]["share"]
        parts = " ".join(f"{name} {value:.3f}" for name, value in sums.items())
        minutes = self.progress.seconds / 60
        return f"step {self.progress.step} ({minutes:.1f} min, rate {rate:.1e}): {parts}"

    def save(self) -> None:
        """Write the checkpoint, and the averaged weights as ONNX."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average,
            "optimizer": self.optimizer.state_dict(),
            "step": self.progress.step,
            "seconds": self.progress.seconds,
        }
        self.plan.out.mkdir(parents=True, exist_ok=True)
        path = self.plan.out / CHECKPOINT
        scratch = path.with_suffix(".part")
        torch.save(state, scratch)
        scratch.replace(path)
        export(self.averaged().cpu(), self.plan.out / WEIGHTS_FILE)

    def load(self) -> None:
        """Go on from the checkpoint, if there is one."""
        path = self.plan.out / CHECKPOINT
        if not path.exists():
            return
        state: dict[str, Any] = torch.load(path, map_location=self.device, weights_only=True)
        self.network.load_state_dict(state["network"])
        self.average = state["average"]
        self.optimizer.load_state_dict(state["optimizer"])
        self.progress = Progress(state["step"], state["seconds"])


def prepare(batches: Batches, step: int) -> Targets:
    """Return the batch of a step."""
    return targets_of(batches.batch(step))


def background_process() -> Executor:
    """Return what prepares batches beside the steps, which share Python's lock with any thread."""
    if "fork" not in multiprocessing.get_all_start_methods():
        return ThreadPoolExecutor(1)
    context = multiprocessing.get_context("fork")
    # A forked process has none of PyTorch's threads, and would wait for them.
    return ProcessPoolExecutor(1, context, torch.set_num_threads, (1,))


def make_optimizer(network: SceneNetwork, rate: float) -> torch.optim.AdamW:
    """Return the optimizer; norms and biases don't decay, the encoder learns slower."""
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            share = ENCODER_SHARE if name.startswith("encoder.") else 1.0
            decay = WEIGHT_DECAY if parameter.ndim > 1 else 0.0
            groups.setdefault((share, decay), []).append(parameter)
    settings = [
        {"params": parameters, "share": share, "weight_decay": decay, "lr": rate * share}
        for (share, decay), parameters in groups.items()
    ]
    return torch.optim.AdamW(settings, fused=True)
