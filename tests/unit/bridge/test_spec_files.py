from pathlib import Path

import pytest

from inference_bridge.errors import ConfigurationError
from inference_bridge.spec import ModelSpec, to_json
from inference_bridge.spec_files import load_specs
from mnist_model.spec import SPEC
from tests.support.specs import ANSWER, INPUT


def write(folder: Path, name: str, version: int) -> Path:
    path = folder / f"{name}-{version}.json"
    path.write_text(to_json(ModelSpec(name, version, takes=INPUT, answers=ANSWER)))
    return path


def test_a_spec_of_a_package_is_found_by_its_name() -> None:
    assert load_specs("mnist_model.spec:SPEC") == [SPEC]


def test_files_folders_and_names_are_read_together_and_the_highest_version_comes_first(tmp_path: Path) -> None:
    folder = tmp_path / "specs"
    folder.mkdir()
    write(folder, "voice", 1), write(folder, "voice", 10), write(folder, "ships", 2)

    specs = load_specs(f"mnist_model.spec:SPEC, {folder},{write(tmp_path, 'voice', 2)}")

    assert [spec.message_type for spec in specs] == ["mnist.v1", "ships.v2", "voice.v10", "voice.v2", "voice.v1"]


def test_a_spec_file_from_an_editor_that_writes_a_bom_is_read(tmp_path: Path) -> None:
    path = write(tmp_path, "voice", 1)
    path.write_text(path.read_text(), "utf-8-sig")

    assert [spec.name for spec in load_specs(str(path))] == ["voice"]


@pytest.mark.parametrize("names", ["", " , ", "."])
def test_no_spec_is_an_error_that_says_what_to_name(
    names: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match=r"INFERENCE_MODELS is .* holds no spec; name spec files"):
        load_specs(names)


def test_the_same_version_twice_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "voice", 1)

    with pytest.raises(ConfigurationError, match=r"has voice\.v1 more than once"):
        load_specs(f"{path},{path}")


@pytest.mark.parametrize("name", ["no.such.module:SPEC", "mnist_model.spec:NO_SUCH_SPEC"])
def test_a_name_that_does_not_exist_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=rf"INFERENCE_MODELS: '{name}'.*expected package\.module:name"):
        load_specs(name)


def test_an_object_that_is_not_a_spec_is_named() -> None:
    with pytest.raises(ConfigurationError, match="a function, expected a ModelSpec"):
        load_specs("mnist_model.prepare:begin")


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"name": 1}', "\x00"])
def test_a_file_that_is_not_a_spec_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.json"
    path.write_text(text)

    with pytest.raises(ConfigurationError, match=rf"{path} is not a spec file"):
        load_specs(str(path))


def test_a_file_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"missing\.json is not a spec file \(.*No such file"):
        load_specs(str(tmp_path / "missing.json"))
