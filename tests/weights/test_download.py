import errno
import hashlib
import os
import socket
import zlib
from pathlib import Path

import pytest

from tests.helpers.loopback import body, chunked, page, redirect, status, unmeasured
from tests.weights.conftest import model
from videoswap.errors import InputError, OutputError
from videoswap.weights import digests as known
from videoswap.weights import download, transfer
from videoswap.weights.download import fetch


@pytest.fixture
def get(folder, net):
    """Fetch, and return what was said."""

    def get(model):
        said = []
        path = fetch(model, folder, said.append, net)
        assert path == folder / model.file
        return " ".join(said)

    return get


def leftovers(folder):
    """Files beside the weights that look neither like locks nor like our records."""
    files = (path.name for path in folder.rglob("*") if path.is_file())
    return sorted(name for name in files if not name.endswith((".lock", "known.json")))


def test_a_file_comes_whole_and_its_digest_is_said_not_recorded(server, data, folder, get):
    said = get(model(server.serve("/f", body(data))))
    digest = hashlib.sha256(data).hexdigest()
    assert (folder / "sub/one.bin").read_bytes() == data
    assert leftovers(folder) == ["one.bin"]
    assert "nobody publishes its digest" in said
    assert digest in said
    assert known.recorded(folder) == {}


def test_a_file_that_is_there_is_not_fetched_again(server, data, folder, get):
    one = model(server.serve("/f", body(data)))
    get(one)
    get(one)
    assert len(server.requests) == 1


@pytest.mark.parametrize("broken", [b"<html>quota exceeded</html>", b"\x80\x02 cut sho"])
def test_a_broken_file_is_fetched_again(server, data, folder, get, broken):
    one = model(server.serve("/f.onnx", body(data)), file="sub/one.onnx")
    (folder / "sub").mkdir()
    (folder / one.file).write_bytes(broken)
    assert "fetched again" in get(one)
    assert (folder / one.file).read_bytes() == data


def test_a_changed_file_is_fetched_again(server, data, folder, get):
    one = model(server.serve("/f", body(data)), sha256=hashlib.sha256(data).hexdigest())
    get(one)
    (folder / one.file).write_bytes(b"changed")
    assert "fetched again" in get(one)
    assert (folder / one.file).read_bytes() == data


def test_a_broken_connection_is_resumed(server, data, folder, get):
    url = server.serve("/f", body(data, stop=100_000), body(data, stop=200_000), body(data))
    get(model(url))
    assert (folder / "sub/one.bin").read_bytes() == data
    assert server.ranges("/f") == [None, "bytes=100000-", "bytes=200000-"]
    assert server.requests[1][1]["If-Range"] == '"one"'


def test_an_interruption_leaves_no_complete_file_and_is_resumed(
    server, data, folder, net, get, monkeypatch
):
    url = server.serve("/f", body(data, piece=50_000, pause=0.02))

    def interrupted(done):
        if done > 120_000:
            raise KeyboardInterrupt

    original = transfer._read
    count = [0]

    def read(response):
        block = original(response)
        count[0] += len(block)
        interrupted(count[0])
        return block

    monkeypatch.setattr(transfer, "_read", read)
    with pytest.raises(KeyboardInterrupt):
        get(model(url))
    assert not (folder / "sub/one.bin").exists()
    monkeypatch.setattr(transfer, "_read", original)
    kept = (folder / "sub/one.bin.part").stat().st_size
    assert 0 < kept < len(data)
    get(model(url))
    assert (folder / "sub/one.bin").read_bytes() == data
    assert server.ranges("/f") == [None, f"bytes={kept}-"]


def test_a_server_that_ignores_ranges_starts_anew(server, data, folder, get):
    plans = body(data, stop=100_000, ranges=False), body(data, ranges=False)
    get(model(server.serve("/f", *plans)))
    assert (folder / "sub/one.bin").read_bytes() == data
    assert server.ranges("/f")[1] == "bytes=100000-"


@pytest.mark.parametrize("honest", [True, False])
def test_a_file_that_changes_between_is_never_mixed(server, data, folder, get, honest):
    """honest: the server heeds If-Range; if not, its new ETag gives it away."""
    other = bytes(reversed(data))
    plans = body(data, stop=100_000), body(other, etag='"two"', honest=honest)
    get(model(server.serve("/f", *plans)))
    assert (folder / "sub/one.bin").read_bytes() == other


def test_a_beginning_that_nobody_vouches_for_is_not_continued(server, data, folder, get):
    other = bytes(reversed(data))
    plans = body(data, stop=100_000, etag=None), body(other, etag=None)
    get(model(server.serve("/f", *plans)))
    assert (folder / "sub/one.bin").read_bytes() == other


def test_a_206_with_another_piece_is_not_believed(server, data, folder, get):
    plans = body(data, stop=100_000), body(data, shift=-1000), body(data)
    get(model(server.serve("/f", *plans)))
    assert (folder / "sub/one.bin").read_bytes() == data


def test_a_part_longer_than_the_file_is_thrown_away(server, data, folder, get):
    plans = body(data, stop=100_000), status(416), body(data[:50_000])
    get(model(server.serve("/f", *plans)))
    assert (folder / "sub/one.bin").read_bytes() == data[:50_000]
    assert server.ranges("/f") == [None, "bytes=100000-", None]


def test_with_a_known_digest_another_mirror_goes_on(server, data, folder, get):
    first = server.serve("/a", body(data, stop=100_000), status(404))
    second = server.serve("/b", body(data, etag='"else"'))
    said = get(model(first, second, sha256=hashlib.sha256(data).hexdigest()))
    assert server.ranges("/b") == ["bytes=100000-"]
    assert (folder / "sub/one.bin").read_bytes() == data
    assert "verified" in said


def test_wrong_bytes_are_refused_and_deleted(server, data, folder, get):
    wrong = model(server.serve("/f", body(data)), sha256="0" * 64)
    with pytest.raises(InputError, match="SHA-256") as caught:
        get(wrong)
    assert caught.value.code == "wrong_download"
    assert leftovers(folder) == []
    assert len(server.requests) == 2  # once more from the start, then no more


def test_wrong_bytes_at_one_mirror_lead_to_the_next(server, data, folder, get):
    urls = server.serve("/a", body(bytes(len(data)))), server.serve("/b", body(data))
    get(model(*urls, sha256=hashlib.sha256(data).hexdigest()))
    assert (folder / "sub/one.bin").read_bytes() == data


def test_the_size_of_the_manifest_is_checked(server, data, get):
    with pytest.raises(InputError, match="its size is 300000 instead of 5"):
        get(model(server.serve("/f", body(data)), size=5))


def test_the_digest_of_a_file_that_loaded_binds_the_next_download(server, data, folder, get):
    one = model(server.serve("/f", body(data), body(bytes(len(data)))))
    get(one)
    known.confirm(folder / one.file)
    (folder / one.file).unlink()
    with pytest.raises(InputError, match=hashlib.sha256(data).hexdigest()):
        get(one)
    assert not (folder / one.file).exists()


def test_a_file_without_a_published_crc_comes_all_the_same(server, data, folder, get):
    assert "CRC-32" not in get(model(server.serve("/f.onnx", body(data)), crc32=True))


def test_the_published_crc_is_checked(server, data, folder, get):
    url = server.serve("/f.onnx", body(data))
    server.serve("/f.hash", body(f"{zlib.crc32(data):08x}".encode()))
    assert "CRC-32" in get(model(url, crc32=True))
    (folder / "sub/one.bin").unlink()
    (folder / known.FILE_NAME).unlink()
    server.serve("/f.hash", body(b"0123abcd"))
    with pytest.raises(InputError, match=r"CRC-32 is .* instead of 0123abcd"):
        get(model(url, crc32=True))


def test_404_goes_to_the_next_mirror_and_is_not_asked_again(server, data, folder, get):
    busy = server.serve("/b", status(503), status(503), body(data))
    get(model(server.url("/missing"), busy))
    assert [path for path, _ in server.requests] == ["/missing", "/b", "/b", "/b"]


def test_pauses_grow_and_a_server_may_ask_for_more(server, data, get, naps):
    plans = status(503), status(503), status(429, Retry_After="7"), body(data)
    get(model(server.serve("/f", *plans)))
    assert naps == [2.0, 4.0, 8.0]
    naps.clear()
    server.serve("/g", status(429, Retry_After="7"), body(data))
    get(model(server.url("/g"), file="two.bin"))
    assert naps == [7.0]


def test_a_silent_and_a_slow_server_are_given_up(server, data, folder, get):
    silent = server.serve("/silent", body(data, piece=100, pause=0.8))
    slow = server.serve("/slow", body(data, piece=100, pause=0.05))
    with pytest.raises(InputError) as caught:
        get(model(silent, slow))
    assert "timed out" in caught.value.message
    assert "too slow" in caught.value.message
    assert not (folder / "sub/one.bin").exists()


def test_redirects_are_followed(server, data, folder, get):
    server.serve("/far", body(data))
    get(model(server.serve("/f", redirect(server.url("/far")))))
    assert (folder / "sub/one.bin").read_bytes() == data


def test_a_redirect_away_from_https_is_refused():
    request = transfer.urllib.request.Request("https://example.org/f")
    with pytest.raises(transfer.AttemptError, match="redirects from https"):
        transfer._NoDowngrade().redirect_request(request, None, 302, "", {}, "http://example.org/")


def test_chunked_answers_count_only_when_whole(server, data, folder, get):
    get(model(server.serve("/f", chunked(data, whole=False), chunked(data))))
    assert (folder / "sub/one.bin").read_bytes() == data
    with pytest.raises(InputError, match="broke"):
        get(model(server.serve("/g", chunked(data, whole=False)), file="two.bin"))


def test_an_answer_of_unknown_length_is_refused(server, data, folder, get):
    with pytest.raises(InputError, match="how long"):
        get(model(server.serve("/f", unmeasured(data))))
    assert leftovers(folder) == []


def test_a_web_page_is_no_weight_file(server, folder, get):
    with pytest.raises(InputError, match="web page"):
        get(model(server.serve("/f", page("<html>Please log in</html>"))))


@pytest.mark.parametrize("crc32", [True, False])
def test_without_a_network_it_says_what_to_do_by_hand(folder, get, crc32):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/f"
        with pytest.raises(InputError) as caught:
            get(model(url, crc32=crc32))
    assert caught.value.code == "no_network"
    assert url in caught.value.hint
    assert str(folder / "sub/one.bin") in caught.value.hint


DRIVE_PAGE = """<html><head><title>Google Drive - Virus scan warning</title></head><body>
<form id="download-form" action="{action}" method="get"><input type="submit" value="Download"/>
<input type="hidden" name="id" value="abc"><input type="hidden" name="confirm" value="t">
<input type="hidden" name="uuid" value="1-2&amp;3"></form></body></html>"""


def test_google_drives_page_is_passed_and_resumed(server, data, folder, net):
    root = server.serve("/uc", page(DRIVE_PAGE.format(action=server.url("/download"))))
    server.serve("/download", body(data, stop=100_000), body(data))
    drive = download.Net(sleep=net.sleep, drive_root=root)
    path = fetch(model(google_drive_id="abc"), folder, print, drive)
    assert path.read_bytes() == data
    wanted = "/download?id=abc&confirm=t&uuid=1-2%263"
    assert server.ranges(wanted) == [None, "bytes=100000-"]
    assert server.requests[0][0] == "/uc?export=download&id=abc"


def test_google_drive_says_why_not(server, folder, net):
    root = server.serve("/uc", page("<title>Google Drive - Quota exceeded</title>"))
    drive = download.Net(sleep=net.sleep, drive_root=root)
    with pytest.raises(InputError, match="Quota exceeded") as caught:
        fetch(model(google_drive_id="abc"), folder, print, drive)
    assert "https://drive.google.com/file/d/abc/view" in caught.value.hint


def test_a_small_file_on_google_drive_comes_at_once(server, data, folder, net):
    drive = download.Net(sleep=net.sleep, drive_root=server.serve("/uc", body(data)))
    assert fetch(model(google_drive_id="abc"), folder, print, drive).read_bytes() == data


def test_a_full_disk_is_an_output_error(server, data, folder, get, monkeypatch):
    usage = transfer.shutil.disk_usage(folder)
    monkeypatch.setattr(transfer.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(OutputError, match="are needed") as caught:
        get(model(server.serve("/f", body(data))))
    assert caught.value.code == "disk_full"


def test_a_disk_that_fills_up_is_an_output_error(server, data, get, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(transfer, "_write", full)
    with pytest.raises(OutputError) as caught:
        get(model(server.serve("/f", body(data))))
    assert caught.value.code == "disk_full"
    assert len(server.requests) == 1


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_is_an_output_error(server, data, folder, get):
    folder.chmod(0o500)
    with pytest.raises(OutputError):
        get(model(server.serve("/f", body(data))))


def test_a_file_in_place_of_the_folder_is_an_output_error(server, data, folder, get):
    (folder / "sub").write_text("in the way")
    with pytest.raises(OutputError):
        get(model(server.serve("/f", body(data))))


def test_the_file_appears_by_its_name_alone_being_changed(server, data, folder, get, monkeypatch):
    seen = []
    rename = Path.replace

    def replace(part, target):
        seen.append((part.name, part.read_bytes() == data, target.exists()))
        return rename(part, target)

    monkeypatch.setattr(Path, "replace", replace)
    get(model(server.serve("/f", body(data))))
    assert seen[0] == ("one.bin.part", True, False)


def test_two_processes_do_not_fetch_the_same_file(server, data, folder, get):
    one = model(server.serve("/f", body(data)))
    (folder / "sub").mkdir()
    with download._alone(folder / one.file), pytest.raises(OutputError, match="Another process"):
        get(one)
