"""Shader files that are edited, and shader files that are wrong."""

import os
import shutil

import pytest

from livemusviz import resources
from livemusviz.director.stage import Look
from livemusviz.errors import UserError

from .conftest import Stage, flat

ISF = (
    '/*{"INPUTS": [{"NAME": "inputImage", "TYPE": "image"}]}*/\n\n\n\nvoid main() {\n    gl_FragColor = vec4(%s);\n}\n'
)


@pytest.fixture
def shaders(tmp_path, monkeypatch):
    """A folder of shaders that a test may spoil."""
    copy = tmp_path / "shaders"
    shutil.copytree(resources.folder("shaders"), copy)
    monkeypatch.setattr(resources, "_PLACES", (tmp_path,))
    return copy


def edit(path, body):
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    os.utime(path, (0, path.stat().st_mtime + 10))


def test_an_edited_shader_is_taken_over(ctx, shaders):
    stage = Stage(ctx, look=Look(chain=("grade",)))
    stage.settle(flat(100, 100, 100))
    edit(shaders / "grade.fs", ISF % "0.0, 1.0, 0.0, 1.0")
    stage.compositor.reload_edited()
    assert stage.run(1)[0, 0].tolist() == [0, 255, 0], "and uniforms that it does not have are no matter"


def test_a_broken_shader_names_file_and_line_and_the_last_good_one_goes_on(ctx, shaders):
    stage = Stage(ctx, look=Look(chain=("grade",)))
    stage.settle(flat(100, 100, 100))
    edit(shaders / "grade.fs", ISF % "no_such_thing")
    with pytest.raises(UserError, match=r"grade\.fs:6: .*no_such_thing"):
        stage.compositor.reload_edited()
    assert stage.run(3).mean() == pytest.approx(99, abs=6)
    stage.compositor.reload_edited()  # told once, not once a second


def test_a_vertex_shader_that_is_broken_is_named(ctx, shaders):
    stage = Stage(ctx)
    edit(shaders / "feedback.vs", "void main() {\n isf_vertShaderInit(); gl_Position = nonsense; }\n")
    with pytest.raises(UserError, match=r"feedback\.vs:2: "):
        stage.compositor.reload_edited()


def test_a_repaired_shader_is_taken_up_again(ctx, shaders):
    stage = Stage(ctx, look=Look(chain=("grade",)))
    path = shaders / "grade.fs"
    good = path.read_text()
    stage.run(1)
    edit(path, "void main() {")
    with pytest.raises(UserError):
        stage.compositor.reload_edited()
    edit(path, good)
    os.utime(path, (0, path.stat().st_mtime + 20))
    stage.compositor.reload_edited()


def test_a_shader_deleted_during_the_show(ctx, shaders):
    stage = Stage(ctx)
    (shaders / "silk.fs").unlink()
    with pytest.raises(UserError, match="silk.fs"):
        stage.compositor.reload_edited()
    assert stage.run(5).mean() > 5


def test_a_missing_folder_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "_PLACES", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(UserError, match="shaders: no such folder") as caught:
        resources.shader("silk.fs")
    assert "\n" not in str(caught.value)


def test_the_copy_inside_a_wheel_comes_first(tmp_path, monkeypatch):
    (tmp_path / "data" / "presets").mkdir(parents=True)
    (tmp_path / "tree" / "presets").mkdir(parents=True)
    monkeypatch.setattr(resources, "_PLACES", (tmp_path / "data", tmp_path / "tree"))
    assert resources.folder("presets") == tmp_path / "data" / "presets"


def test_the_plain_shaders_compile_in_the_oldest_dialect(ctx, monkeypatch):
    from livemusviz.display import program

    monkeypatch.setattr(program, "_source", lambda path, version, real=program._source: real(path, 330))
    Stage(ctx).run(1)
