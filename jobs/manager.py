"""The job manager: the one object that holds everything about jobs in a Blender session.

The instance is made at registration and lives on `bpy.types.WindowManager` until unregistration, as
the add-on's properties do. There it outlives the loading of files, which clears
`bpy.app.driver_namespace`, and it goes with the add-on, which a module's globals do not.
"""

from __future__ import annotations

import atexit
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from typing import cast

import bpy
from bpy.app.translations import pgettext_rpt as rpt_

from ..geometry.core.messages import Message, UserError, message_of
from ..geometry.core.packages import MissingPackageError
from ..geometry.folders import cache_folder, own_cache_folder
from ..geometry.preferences import preference
from ..geometry.translation import translate
from ..ml.client.kept_workers import KeptWorkers
from ..ml.client.tasks import DeviceQuery, Job
from ..ml.common.job_settings import JobSettings, SettingsError
from ..ml.common.protocol import Cancelled, DeviceFound, Done, Failed
from ..render.kept_workers import kept_workers
from . import log
from .cache_size import CacheSize
from .checks import check_job, preferred_resources
from .downloads import Downloads
from .job import Failure, JobRequest, OpenFile, RunningJob, SceneRef
from .model_states import ModelStates
from .rates import Rates
from .results import MAKE, handler_for
from .windows import idle_window, redraw_sidebars, viewport_context

POLL_SECONDS = 0.1
SECONDS_LEFT_STEP = 5.0
"""Change of the estimated remaining seconds from which on it is redrawn."""
CANCELLED = "Canceled: finished stages are kept for the next run"
NOT_BUILT = "The scene could not be built ({error}): run again."
UNEXPECTED = (
    "Make 4D stopped this because of an unexpected error ({error}): try again, and if it happens "
    "again, press Copy Details and report it."
)
type Report = Callable[[set[str], str], None]


class JobManager:
    """The queue, the running job and its surroundings: what panels show and operators change.

    Attributes:
        workers: Idle workers that are kept for the next task, the Neural method's too.
        current: The running job; at most one runs at a time.
        waiting: The requests behind it, in order.
        ready: Finished jobs whose scene is gone. Their results are offered to the artist.
        taken: The job whose result was put into the file last. Its files stay for the redo panel.
        failure: Why the last job failed, until the next one starts or the artist dismisses it.
        device: The processor that networks run on, once a worker has reported it.
        device_query: A running query of that processor.
        model_states: Which models are installed.
        downloads: Downloads of models.
        cache_size: The size of the stage caches.
        rates: How long stages took on this computer.
    """

    def __init__(self, workers: KeptWorkers) -> None:
        self.workers = workers
        self.current: RunningJob | None = None
        self.waiting: list[JobRequest] = []
        self.ready: list[RunningJob] = []
        self.taken: RunningJob | None = None
        self.failure: Failure | None = None
        self.device: DeviceFound | None = None
        self.device_query: DeviceQuery | None = None
        self.model_states = ModelStates()
        self.downloads = Downloads(self.model_states)
        self.cache_size = CacheSize()
        self.rates = Rates()
        self._file = OpenFile()
        self._shown: tuple[object, ...] = ()

    # Requests

    def request(self, settings: JobSettings, kind: str, scene: bpy.types.Scene) -> JobRequest:
        """Return a request for a job of a kind of `results.HANDLERS` for a scene."""
        return JobRequest(settings, kind, self.scene_ref(scene))

    def scene_ref(self, scene: bpy.types.Scene) -> SceneRef:
        """Return a reference to a scene of the file that is open now."""
        return SceneRef(self._file, scene.session_uid, scene.name)

    def submit(self, request: JobRequest) -> bool:
        """Start a job, or let it wait for its turn; returns whether it waits.

        Raises SettingsError, MissingPackageError or OSError where it can't be done.
        """
        waits = self.current is not None or bool(self.waiting)
        if waits:
            check_job(request.settings, preferred_resources())
            self.waiting.append(request)
        else:
            self._start(request)
        self.watch()
        return waits

    def run(self, request: JobRequest, report: Report) -> set[str]:
        """Run a job to its end and take its result (background mode and scripts).

        Returns an operator's result. Raises SettingsError, MissingPackageError or OSError where the
        job can't start.
        """
        job = self._start(request)
        try:
            while self._poll(job) is None:
                time.sleep(POLL_SECONDS)
        except BaseException:
            self._end_current()
            raise
        return self.finish(report)

    def cancel(self) -> None:
        """Ask the running job to stop, which takes a moment."""
        if self.current is not None:
            self.current.task.cancel()

    def cancel_waiting(self, number: int) -> None:
        """Remove a request from the queue."""
        self.waiting.pop(number).remove_edits()

    def is_running_for(self, scene: bpy.types.Scene) -> bool:
        """Whether the running job is for this scene."""
        return self.current is not None and self.current.scene == scene

    # Results

    @property
    def has_ended(self) -> bool:
        """Whether the running job has ended and its result can be taken."""
        return self.current is not None and self.current.task.finished is not None

    def finish(self, report: Report) -> set[str]:
        """Take the result of the job that has ended, or report why there is none.

        Returns an operator's result.
        """
        job = self.current
        assert job is not None
        ended = job.task.finished
        self.rates.store()
        if isinstance(ended, Done):
            return self.take(self._hold_current(), report)
        self._end_current()
        if isinstance(ended, Failed):
            self.fail(ended.message, ended.detail, job.request)
            report({"ERROR"}, translate(ended.message))
        else:
            report({"INFO"}, rpt_(CANCELLED))
        return {"CANCELLED"}

    def take(self, job: RunningJob, report: Report) -> set[str]:
        """Put a finished job's result into the file; may be called again after an undo.

        Returns an operator's result. A result that can't be built becomes a failure.
        """
        done = job.task.finished
        assert isinstance(done, Done)
        try:
            sentence = handler_for(job.request.kind).take(job)
        except Exception as error:
            message = (
                error.message
                if isinstance(error, UserError)
                else Message(NOT_BUILT, error=str(error) or type(error).__name__)
            )
            self.fail(message, traceback.format_exc(), job.request)
            report({"ERROR"}, translate(message))
            return {"CANCELLED"}
        for note in done.notes:
            report({"INFO"}, translate(note))
        report({"INFO"}, sentence)
        return {"FINISHED"}

    def take_ready(self, number: int, scene: bpy.types.Scene, report: Report) -> set[str]:
        """Take an offered result as a 4D scene of its own, in `scene` where that is empty."""
        job = self.ready.pop(number)
        job.request = replace(job.request, kind=MAKE, scene_ref=self.scene_ref(scene))
        self._set_taken(job)
        return self.take(job, report)

    def discard(self, number: int) -> None:
        """Throw an offered result away."""
        self._close(self.ready.pop(number))

    # Failures

    def fail(self, message: str, detail: str, request: JobRequest) -> None:
        """Record why a job failed, for the panel and for the log."""
        label = handler_for(request.kind).label
        self.failure = Failure(message, detail, request.settings, label)
        log.write(message, detail)

    def dismiss_failure(self) -> None:
        """Show the failure no longer."""
        self.failure = None

    # Workers

    @property
    def keeps_models(self) -> bool:
        """Whether an idle worker holds models in memory."""
        return bool(self.workers.idle)

    def free_models(self) -> None:
        """End the idle workers, which frees the memory of their models."""
        self.workers.close()

    def forget_device(self) -> None:
        """Forget the device that was found, because another one was chosen."""
        self.device = None

    def query_device(self, preferred: str) -> DeviceQuery:
        """Ask a worker which processor networks would run on; a running query is ended.

        Raises MissingPackageError or OSError.
        """
        self.end_device_query()
        self.device_query = DeviceQuery(preferred)
        return self.device_query

    def end_device_query(self) -> None:
        """End the query's process and keep its answer, if there is one."""
        query, self.device_query = self.device_query, None
        if query is not None:
            self.device = query.device or self.device
            query.close()

    # The timer

    @property
    def is_active(self) -> bool:
        """Whether anything runs or waits."""
        return self.current is not None or bool(self.waiting) or self.downloads.is_active

    def watch(self) -> None:
        """Have Blender call `tick` while anything runs."""
        if not bpy.app.timers.is_registered(tick):
            bpy.app.timers.register(tick, first_interval=POLL_SECONDS, persistent=True)

    def tick(self) -> float | None:
        """Advance everything that runs; returns the seconds to the next tick, None to stop.

        Blender removes a timer that raises, so no exception gets past this function: each one ends
        what it came from as a failure, and everything else goes on.
        """
        steps: tuple[tuple[Callable[[], None], Callable[[Message, str], None]], ...] = (
            (self._advance_job, self._fail_current),
            (self.downloads.poll, self._fail_downloads),
            (self._redraw_what_changed, log.write),
        )
        for step, fail in steps:
            try:
                step()
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                fail(Message(UNEXPECTED, error=text), traceback.format_exc())
        return POLL_SECONDS if self.is_active else None

    def file_opened(self) -> None:
        """Another file was opened: scenes of the former one are gone."""
        self._file.is_open = False
        self._file = OpenFile()

    def close(self) -> None:
        """End every process and remove every job's files."""
        if bpy.app.timers.is_registered(tick):
            bpy.app.timers.unregister(tick)
        self.waiting.clear()
        self._end_current()
        while self.ready:
            self._close(self.ready.pop())
        self._set_taken(None)
        self.free_models()
        self.end_device_query()
        self.downloads.end_all()
        self.cache_size.close()

    def _start(self, request: JobRequest) -> RunningJob:
        """Start a job; raises SettingsError, MissingPackageError or OSError."""
        resources = preferred_resources()
        check_job(request.settings, resources)
        task = Job(request.settings, cache_folder(), resources, self.workers, own_cache_folder())
        self.current, self.failure = RunningJob(task, request, self.rates), None
        return self.current

    def _advance_job(self) -> None:
        job = self.current
        if job is None:
            self._start_next()
            return
        if self._poll(job) is not None:
            self._hand_over(job)

    def _poll(self, job: RunningJob) -> Done | Failed | Cancelled | None:
        """Read a job's messages; returns how the job ended once it has."""
        known = job.task.device
        ended = job.poll()
        if job.task.device is not known:
            self.device = job.task.device
        return ended

    def _start_next(self) -> None:
        """Start the first request in the queue that can start; those before it fail."""
        while self.waiting and self.current is None:
            request = self.waiting[0]
            try:
                self._start(request)
            except (SettingsError, MissingPackageError, OSError) as error:
                self._fail_request(request, message_of(error), "")
            self.waiting.pop(0)

    def _hand_over(self, job: RunningJob) -> None:
        """Have the result taken by an operator in a window, which makes it one undo step."""
        if isinstance(job.task.finished, Done) and job.scene is None:
            self._release_worker(job)
            self.ready.append(job)
            self.current = None
            return
        window = idle_window()
        if window is None:
            return  # the artist is in the middle of something: try again at the next tick
        with bpy.context.temp_override(window=window, **viewport_context(window)):
            bpy.ops.make_4d.take_result("INVOKE_DEFAULT")

    def _fail_current(self, message: Message, detail: str) -> None:
        """End the running job, or the one that was about to start, as a failure."""
        job, self.current = self.current, None
        if job is not None:
            self.fail(message, detail, job.request)
            self._close(job)
        elif self.waiting:
            self._fail_request(self.waiting.pop(0), message, detail)

    def _fail_request(self, request: JobRequest, message: str, detail: str) -> None:
        self.fail(message, detail, request)
        request.remove_edits()

    def _fail_downloads(self, message: Message, detail: str) -> None:
        """End the running downloads as failures."""
        log.write(message, detail)
        self.downloads.end_all(message)

    def _redraw_what_changed(self) -> None:
        """Redraw the sidebars if they would show something else: drawing takes time."""
        job = self.current
        left = job.seconds_left if job is not None else None
        shown: tuple[object, ...] = (
            *(len(self.waiting), len(self.ready), self.failure),
            self.downloads.shown,
        )
        if job is not None:
            shown += (job.label, job.detail, job.preview, f"{job.fraction:.0%}")
            shown += (None if left is None else round(left / SECONDS_LEFT_STEP),)
        if shown != self._shown:
            self._shown = shown
            redraw_sidebars()

    def _hold_current(self) -> RunningJob:
        """Keep the running job, which has ended well, as the one that was taken last."""
        job = self.current
        assert job is not None
        self._release_worker(job)
        self.current = None
        self._set_taken(job)
        return job

    def _set_taken(self, job: RunningJob | None) -> None:
        if self.taken is not None and self.taken is not job:
            self._close(self.taken)
        self.taken = job

    def _end_current(self) -> None:
        job, self.current = self.current, None
        if job is not None:
            self._close(job)

    def _close(self, job: RunningJob) -> None:
        """End a job's process, unless it is kept, and remove the job's files."""
        self._release_worker(job)
        job.task.close()
        job.request.remove_edits()

    def _release_worker(self, job: RunningJob) -> None:
        """End a job's process, unless it is kept for the next one; the result's files stay."""
        worker = job.task.release_worker(keep_worker=preference("keep_models", False))
        if worker is not None:
            self.workers.put_back(worker)


def manager() -> JobManager:
    """Return the job manager of this Blender session."""
    return cast(JobManager, bpy.types.WindowManager.make_4d_jobs)


def tick() -> float | None:
    """Advance the session's jobs: the timer, which Blender finds again by this function."""
    return manager().tick()


@bpy.app.handlers.persistent
def _file_opened(*_: object) -> None:
    manager().file_opened()


def _quit() -> None:
    manager().close()


def register() -> None:
    """Make the manager; it ends all processes when Blender quits."""
    bpy.types.WindowManager.make_4d_jobs = JobManager(kept_workers())
    bpy.app.handlers.load_post.append(_file_opened)
    atexit.register(_quit)


def unregister() -> None:
    """End all jobs, and everything that watches them."""
    atexit.unregister(_quit)
    bpy.app.handlers.load_post.remove(_file_opened)
    manager().close()
    del bpy.types.WindowManager.make_4d_jobs
