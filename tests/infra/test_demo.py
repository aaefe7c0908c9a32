"""The demo organisation's file: written whole, for its owner alone, and never in the place of a device."""

import json
import os
import threading
from pathlib import Path

from infra import demo


def test_the_demo_file_is_replaced_as_a_whole_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "demo.json"
    demo.write({"a": 1}, path)
    demo.write({"b": 2}, path)
    assert json.loads(path.read_text(encoding="utf-8")) == {"b": 2}
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]


def test_a_pipe_or_device_is_written_to_and_stays_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text(encoding="utf-8")))
    reader.start()
    demo.write({"a": 1}, pipe)
    reader.join(10)
    assert (json.loads(read[0]), pipe.is_fifo()) == ({"a": 1}, True)
