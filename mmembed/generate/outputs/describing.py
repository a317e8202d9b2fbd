"""Many pictures → captions in all sinks: what is done is passed over, what fails is named, the rest goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence, Sized
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from mmembed.errors import MmembedError
from mmembed.generate.base import Caption
from mmembed.generate.outputs.sinks import Sink, Subject

BATCH = 16
"""Pictures described and written at once: the most that is lost when the process is killed."""

Describe = Callable[[Sequence[Subject], Sequence[str]], Sequence["list[Caption] | str"]]
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Failure:
    """A picture without caption, or with one that could not be written, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Outcome:
    """What a run did: pictures described, pictures that had all captions before, and failures."""

    described: int
    unchanged: int
    failures: tuple[Failure, ...]


def describe_all(
    subjects: Iterable[Subject],
    languages: Sequence[str],
    sinks: Sequence[Sink],
    describe: Describe,
    progress: Progress | None = None,
    failed: Callable[[Failure], None] | None = None,
) -> Outcome:
    """Describe pictures in each language that a sink lacks, and write what is lacking.

    Args:
        subjects: the pictures; read batch by batch, so they may be a stream.
        languages: codes to write in.
        sinks: take the captions; closed at the end, also when the run is interrupted.
        describe: pictures and languages → for each picture its captions, or the reason why there are none.
        progress: called with (pictures done, of how many, a message) where it is known how many there are.
        failed: called with each failure when it happens.
    """
    described, unchanged, failures = 0, 0, list[Failure]()

    def fail(subject: Subject, reason: str) -> None:
        failures.append(Failure(subject.path, reason))
        if failed:
            failed(failures[-1])

    with ExitStack() as closing:
        for sink in sinks:
            closing.callback(sink.close)
        stream, done = iter(subjects), 0
        while batch := list(islice(stream, BATCH)):
            wanted: dict[tuple[str, ...], list[tuple[Subject, list[set[str]]]]] = {}
            for subject in batch:
                try:
                    have = [sink.done(subject) for sink in sinks]
                except MmembedError as error:
                    fail(subject, str(error))
                    continue
                lacking = tuple(language for language in languages if any(language not in held for held in have))
                if lacking:
                    wanted.setdefault(lacking, []).append((subject, have))
                else:
                    unchanged += 1
            for lacking, group in wanted.items():
                for (subject, have), found in zip(group, describe([one for one, _ in group], lacking), strict=True):
                    if isinstance(found, str):
                        fail(subject, found)
                    elif reasons := _written(subject, found, sinks, have):
                        fail(subject, " ".join(reasons))
                    else:
                        described += 1
            done += len(batch)
            if progress and isinstance(subjects, Sized):
                progress(done, len(subjects), f"{described} described, {unchanged} were")
    return Outcome(described, unchanged, tuple(failures))


def _written(subject: Subject, captions: Sequence[Caption], sinks: Sequence[Sink], have: Sequence[set[str]]) -> list[str]:
    """Give each sink what it lacks; the reasons of those that could not take it."""
    reasons = []
    for sink, held in zip(sinks, have, strict=True):
        try:
            sink.write(subject, [caption for caption in captions if caption.language not in held])
        except MmembedError as error:
            reasons.append(str(error))
    return reasons
