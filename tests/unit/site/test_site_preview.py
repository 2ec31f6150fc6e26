"""The preview server: files of the site, and nothing else."""

import http.client
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ldpbench.core.errors import UsageError
from ldpbench.site import preview


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    site = tmp_path / "site"
    (site / "static").mkdir(parents=True)
    (site / "index.html").write_text("<p>first")
    (site / "static" / "a.js").write_text("1")
    (tmp_path / "secret.txt").write_text("secret")
    (site / "link.txt").symlink_to(tmp_path / "secret.txt")
    servers, started = [], threading.Event()

    class Server(preview.ThreadingHTTPServer):
        def __init__(self, *arguments: object) -> None:
            super().__init__(*arguments)  # type: ignore[arg-type]  # handed on as they came
            servers.append(self)

    monkeypatch.setattr(preview, "ThreadingHTTPServer", Server)
    found: list[str] = []

    def ready(where: str) -> None:
        found.append(where)
        started.set()

    thread = threading.Thread(target=preview.serve, args=(site, "127.0.0.1", 0, ready), daemon=True)
    thread.start()
    assert started.wait(10)
    yield "127.0.0.1", urlsplit(found[0]).port or 0
    servers[0].shutdown()
    thread.join()


def ask(address: tuple[str, int], path: str) -> tuple[int, bytes, dict[str, str]]:
    connection = http.client.HTTPConnection(*address, timeout=10)
    connection.request("GET", path)
    answer = connection.getresponse()
    result = answer.status, answer.read(), {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return result


def test_pages_come_fresh_and_with_their_type(address: tuple[str, int]) -> None:
    status, body, headers = ask(address, "/")
    assert (status, body, headers["cache-control"]) == (200, b"<p>first", "no-store")
    assert ask(address, "/static/a.js")[2]["content-type"].startswith(("text/javascript", "application/javascript"))


@pytest.mark.parametrize("path", ["/static/", "/none.html", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt"])
def test_nothing_else_is_handed_out(address: tuple[str, int], path: str) -> None:
    status, body, _ = ask(address, path)
    assert status == 404
    assert b"secret" not in body
    assert b"There is no such page" in body


def test_a_taken_port_is_one_line(address: tuple[str, int], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=f"cannot listen on 127.0.0.1:{address[1]}") as caught:
        preview.serve(tmp_path, "127.0.0.1", address[1], lambda _: None)
    assert "--port" in (caught.value.hint or "")
