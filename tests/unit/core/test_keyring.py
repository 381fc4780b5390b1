import base64
import json
from pathlib import Path

import pytest

from citybrain.core import keyring


@pytest.fixture
def path(tmp_path: Path) -> Path:
    keyring.make(tmp_path / "keyring.json")
    return tmp_path / "keyring.json"


def test_a_new_keyring_has_one_key_of_32_bytes_in_every_entry(path: Path) -> None:
    ring = keyring.load(path)
    assert set(ring.entries) == set(keyring.ENTRIES)
    assert {len(ring.current(entry).secret) for entry in keyring.ENTRIES} == {32}
    assert len({ring.current(entry).secret for entry in keyring.ENTRIES}) == len(keyring.ENTRIES)


def test_the_file_is_readable_by_its_owner_alone(path: Path) -> None:
    assert path.stat().st_mode & 0o777 == 0o600
    path.chmod(0o644)
    keyring.load.cache_clear()
    with pytest.raises(keyring.KeyringError, match="chmod 600"):
        keyring.load(path)


def test_a_keyring_is_never_overwritten(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(keyring.KeyringError, match="never overwritten"):
        keyring.make(path)
    assert path.read_text() == before


def test_rotation_adds_a_current_key_and_keeps_the_older_one(path: Path) -> None:
    old = keyring.load(path).current("field")
    assert keyring.rotate(path, "field") == 2
    ring = keyring.load(path)
    assert ring.current("field").id == 2
    assert ring.key("field", 1) == old
    assert [key.id for key in ring.all("field")] == [2, 1]
    assert [key.id for key in ring.all("token")] == [1]


def test_token_keys_skip_the_ids_that_make_every_token_begin_with_a_space(path: Path) -> None:
    ids = [keyring.rotate(path, "token") for _turn in range(60)]
    assert not set(ids) & keyring.TOKEN_IDS_WITH_LEADING_SPACE
    assert {4, 6, 49, 51} <= set(ids)


def test_a_missing_keyring_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(keyring.KeyringError, match="keyring make"):
        keyring.load(tmp_path / "absent.json")


@pytest.mark.parametrize("damage", ["", "{}", "[]", '{"field": {"1": "!"}}'])
def test_a_damaged_keyring_says_to_restore_it(path: Path, damage: str) -> None:
    path.write_text(damage)
    keyring.load.cache_clear()
    with pytest.raises(keyring.KeyringError, match="restore it from the backup"):
        keyring.load(path)


def test_an_empty_entry_is_damage(path: Path) -> None:
    raw = json.loads(path.read_text())
    raw["token"] = {}
    path.write_text(json.dumps(raw))
    keyring.load.cache_clear()
    with pytest.raises(keyring.KeyringError, match="no key in token"):
        keyring.load(path)


@pytest.mark.parametrize("size", [0, 16, 31, 33, 64])
def test_a_key_that_is_not_32_bytes_long_is_damage(path: Path, size: int) -> None:
    _damage(path, "field", "1", base64.b64encode(bytes(size)).decode())
    with pytest.raises(keyring.KeyringError, match=f"{size} bytes, not 32.*restore it from the backup"):
        keyring.load(path)


@pytest.mark.parametrize("key_id", ["0", "256", "-1", "01", " 1", "1_0", "one", ""])
def test_a_key_id_outside_1_to_255_or_written_oddly_is_damage(path: Path, key_id: str) -> None:
    _damage(path, "field", key_id, base64.b64encode(bytes(32)).decode())
    with pytest.raises(keyring.KeyringError, match="restore it from the backup"):
        keyring.load(path)


def test_a_key_with_the_id_255_is_read(path: Path) -> None:
    _damage(path, "field", "255", base64.b64encode(bytes(32)).decode())
    assert keyring.load(path).current("field").id == 255


def test_damage_is_told_without_the_secret(path: Path) -> None:
    secret = base64.b64encode(b"not a key of 32 bytes").decode()
    _damage(path, "field", "1", secret)
    with pytest.raises(keyring.KeyringError) as told:
        keyring.load(path)
    assert secret not in str(told.value)


def _damage(path: Path, entry: str, key_id: str, secret: str) -> None:
    raw = json.loads(path.read_text())
    raw[entry][key_id] = secret
    path.write_text(json.dumps(raw))
    keyring.load.cache_clear()


def test_retiring_takes_out_the_older_key_and_leaves_the_rest(path: Path) -> None:
    before = keyring.load(path)
    keyring.rotate(path, "field")
    current = keyring.load(path).current("field")
    keyring.retire(path, "field", 1)
    ring = keyring.load(path)
    assert ring.all("field") == [current]
    assert ring.all("token") == before.all("token")
    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(keyring.KeyringError, match="no key 1"):
        ring.key("field", 1)


def test_the_current_key_is_never_retired(path: Path) -> None:
    keyring.rotate(path, "field")
    before = path.read_text()
    with pytest.raises(keyring.KeyringError, match="current one"):
        keyring.retire(path, "field", 2)
    assert path.read_text() == before


def test_retiring_a_key_that_is_not_there_changes_nothing(path: Path) -> None:
    before = path.read_text()
    with pytest.raises(keyring.KeyringError, match="no key 7"):
        keyring.retire(path, "field", 7)
    assert path.read_text() == before


def test_a_retired_id_is_not_given_again(path: Path) -> None:
    keyring.rotate(path, "field")
    keyring.retire(path, "field", 1)
    assert keyring.rotate(path, "field") == 3


@pytest.mark.parametrize("entry", keyring.ENTRIES)
def test_the_command_line_says_what_is_lost_with_a_retired_key(
    path: Path, capsys: pytest.CaptureFixture[str], entry: str
) -> None:
    assert keyring.main(["rotate", str(path), entry]) == 0
    assert keyring.main(["retire", str(path), entry, "1"]) == 0
    assert keyring.LOST_WITHOUT_KEY[entry] in capsys.readouterr().out
    assert keyring.main(["retire", str(path), entry, "2"]) == 1
    assert "current one" in capsys.readouterr().err


def test_the_command_line_makes_and_rotates(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = str(tmp_path / "ring.json")
    assert keyring.main(["make", file]) == 0
    assert keyring.main(["rotate", file, "cookie"]) == 0
    assert "now writes with key 2" in capsys.readouterr().out
    assert keyring.main(["make", file]) == 1
    assert "never overwritten" in capsys.readouterr().err
