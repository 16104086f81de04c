"""Uploads: what is missing is told in one line; what is there goes up in one commit, to a server that takes it."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import constants

from xltrobust.errors import UserError
from xltrobust.exporting.hub import check_push, push


class Hub(BaseHTTPRequestHandler):
    """The part of the hub's HTTP interface that uploads of small files use."""

    def do_POST(self) -> None:
        server: Any = self.server
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        server.asked.append((self.path, self.headers.get("Authorization"), body))
        if self.path == "/api/validate-yaml":
            refused = b"language: wrong" in body
            self.answer(400 if refused else 200, {"errors": [{"message": "wrong language"}]} if refused else {})
        elif self.path == "/api/repos/create":
            self.answer(200, {"url": f"{server.address}/me/{json.loads(body)['name']}"})
        elif self.path == "/api/models/me/mine/preupload/main":
            regular = {"uploadMode": "regular", "shouldIgnore": False}
            files = [{"path": own["path"], **regular} for own in json.loads(body)["files"]]
            self.answer(200, {"files": files})
        elif self.path == "/api/models/me/mine/commit/main":
            self.answer(200, {"commitUrl": f"{server.address}/me/mine/commit/1", "commitOid": "1", "success": True})
        else:
            self.answer(404, {"error": self.path})

    def answer(self, status: int, content: dict[str, Any]) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Silence."""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    server: Any = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    server.asked, server.address = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    monkeypatch.setattr(constants, "ENDPOINT", server.address)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setenv("HF_TOKEN", "hf_a_token")
    yield server
    server.shutdown()
    server.server_close()


def model(folder: Path, language: str = "en") -> Path:
    (folder / "2_Dense").mkdir(parents=True)
    (folder / "README.md").write_text(f"---\nlanguage: {language}\n---\n# mine\n")
    (folder / "2_Dense" / "model.safetensors").write_bytes(b"\x00\x01")
    return folder


def test_all_files_go_up_in_one_commit(hub: Any, tmp_path: Path) -> None:
    check_push("mine")
    assert push(model(tmp_path / "model"), "mine") == f"{hub.address}/me/mine"
    paths = [path for path, _, _ in hub.asked]
    assert paths[:2] == ["/api/validate-yaml", "/api/repos/create"] and paths.count(paths[-1]) == 1
    asked = json.loads(hub.asked[1][2])
    assert asked.get("private") or asked["visibility"] == "private"  # by the client's version
    path, token, body = hub.asked[-1]
    assert path == "/api/models/me/mine/commit/main" and token == "Bearer hf_a_token"
    files = [own["value"] for own in map(json.loads, body.splitlines()) if own["key"] == "file"]
    assert {own["path"]: base64.b64decode(own["content"]) for own in files} == {
        "README.md": b"---\nlanguage: en\n---\n# mine\n",
        "2_Dense/model.safetensors": b"\x00\x01",
    }


def test_a_refused_card_ends_the_upload_and_the_directory_stays(hub: Any, tmp_path: Path) -> None:
    folder = model(tmp_path / "a model", "wrong")
    with pytest.raises(UserError, match="wrong language.*; to try again: hf upload me/mine '.*a model'"):
        push(folder, "me/mine")
    assert [path for path, _, _ in hub.asked] == ["/api/validate-yaml"] and (folder / "README.md").exists()


def test_a_hub_that_is_not_there_is_told_in_a_line(hub: Any, tmp_path: Path) -> None:
    hub.shutdown()
    hub.server_close()
    with pytest.raises(UserError, match="is written, but was not pushed to me/mine"):
        push(model(tmp_path / "model"), "me/mine")


def test_what_is_missing_is_told_first(hub: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--push a/b/c: Repo id must be"):
        check_push("a/b/c")
    monkeypatch.delenv("HF_TOKEN")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    with pytest.raises(UserError, match=f"no token for {hub.address}: run `hf auth login`, or set HF_TOKEN"):
        check_push("me/mine")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(UserError, match="HF_HUB_OFFLINE is set"):
        check_push("me/mine")
    assert hub.asked == []
