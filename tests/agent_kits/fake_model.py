"""A model on loopback that speaks the chat completions of OpenAI and the messages of Anthropic, without thinking.

It does what a model does that follows the examples' rule: propose, wait until somebody decides, say what was decided.
"""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROPOSAL = {
    "tool": "send_invoice",
    "arguments": {"to": "nadia@north.example", "amount": 120},
    "why": "The work is done.",
}


def next_step(results: list[str]) -> tuple[str, dict[str, Any]] | str:
    """Return the tool to call with its arguments, or what to say, after these results of tools."""
    if not results:
        return "task_create", {"title": "Send the invoice", "metadata": {"proposal": PROPOSAL}}
    task_id = json.loads(results[0])["data"]["id"]
    last = json.loads(results[-1])["data"]
    if len(results) == 1 or last["state"] == "waiting":
        return "task_wait", {"id": task_id, "waitSeconds": 20}
    if last["state"] != "approved":
        return f"{last['state']}: {last['decision']['reason']}"
    metadata = json.loads(last["task"]["metadata"])
    return f"approved: {json.dumps(metadata['proposal']['arguments'], sort_keys=True)}"


def chat_completion(asked: dict[str, Any]) -> dict[str, Any]:
    results = [_text(each["content"]) for each in asked["messages"] if each["role"] == "tool"]
    step = next_step(results)
    message: dict[str, Any] = {"role": "assistant", "content": step if isinstance(step, str) else None}
    if not isinstance(step, str):
        function = {"name": step[0], "arguments": json.dumps(step[1])}
        message["tool_calls"] = [{"id": f"call_{len(results)}", "type": "function", "function": function}]
    reason = "stop" if isinstance(step, str) else "tool_calls"
    return {
        "id": f"chatcmpl_{len(results)}",
        "object": "chat.completion",
        "created": 1,
        "model": asked["model"],
        "choices": [{"index": 0, "message": message, "finish_reason": reason}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }


def anthropic_message(asked: dict[str, Any]) -> dict[str, Any]:
    blocks = [
        each for message in asked["messages"] if isinstance(message["content"], list) for each in message["content"]
    ]
    results = [_text(each["content"]) for each in blocks if each["type"] == "tool_result"]
    step = next_step(results)
    content: dict[str, Any] = {"type": "text", "text": step}
    if not isinstance(step, str):
        content = {"type": "tool_use", "id": f"toolu_{len(results)}", "name": step[0], "input": step[1]}
    return {
        "id": f"msg_{len(results)}",
        "type": "message",
        "role": "assistant",
        "model": asked["model"],
        "content": [content],
        "stop_reason": "end_turn" if isinstance(step, str) else "tool_use",
        "stop_sequence": None,
        "usage": {"input_tokens": 1, "output_tokens": 1},
    }


def _text(content: Any) -> str:
    """Return the first text of a result, which SDKs send plain, as blocks, or as JSON of a block."""
    if isinstance(content, list):
        return _text(content[0]["text"])
    known = json.loads(content)
    return _text(known["text"]) if isinstance(known, dict) and known.get("type") == "text" else str(content)


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer = anthropic_message if self.path.partition("?")[0].endswith("/messages") else chat_completion
        reply = json.dumps(answer(asked)).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply)))
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        """Say nothing: tests show what failed."""


@contextmanager
def served_model() -> Iterator[str]:
    """Serve the model, and return its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
