import io
import stat
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from backend.errors import DataProblem, InvalidSpec
from tests.conftest import SHARED, unavailable
from worker import archives, importer
from worker.engine.data import Dataset, dataset_folder
from worker.importer import import_dataset

REAL = SHARED / "data" / "cifar10-jpeg.tar.xz"

Files = dict[str, bytes]


def picture(width: int = 8, height: int = 8, mode: str = "RGB", kind: str = "PNG", seed: int = 0) -> bytes:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(file, kind)
    return file.getvalue()


def good_files(lead: str = "") -> Files:
    names = [
        f"{split}/{label}/{n}.png" for split in ("train", "test") for label in ("cat", "dog") for n in (1, 2)
    ]
    return {lead + name: picture(seed=seed) for seed, name in enumerate(names)}


def as_folder(path: Path, files: Files) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def as_tar(path: Path, files: Files, *more: tarfile.TarInfo, compression: str = "xz") -> Path:
    archive_path = path / f"images.tar.{compression}"
    with tarfile.open(archive_path, f"w:{compression}") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        for member in more:
            archive.addfile(member)
    return archive_path


def as_zip(path: Path, files: Files) -> Path:
    archive_path = path / "images.zip"
    with zipfile.ZipFile(archive_path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return archive_path


def imported(path: Path, tmp_path: Path, **options: int) -> Dataset:
    return import_dataset("pets", path, tmp_path / "datasets", **options)


def refused(path: Path, tmp_path: Path, match: str) -> None:
    with pytest.raises(DataProblem, match=match):
        imported(path, tmp_path)
    assert list((tmp_path / "datasets").iterdir()) == [], "something half-written was left"


def test_folder_tar_and_zip_of_the_same_images_are_the_same_data_set(tmp_path: Path) -> None:
    files = good_files()
    backwards = dict(reversed(files.items()))
    sources = [
        as_folder(tmp_path / "folder", files),
        as_tar(tmp_path, backwards),
        as_tar(tmp_path, files, compression="gz"),
        as_zip(tmp_path, good_files(lead="pets-1.0/")),
    ]
    assert len({imported(source, tmp_path).hash for source in sources}) == 1


def test_images_classes_and_labels_are_those_of_the_files(tmp_path: Path) -> None:
    files = good_files()
    made = imported(as_tar(tmp_path, files), tmp_path)
    assert made.classes == ("cat", "dog")
    assert made.train_labels.tolist() == [0, 0, 1, 1]
    second = np.asarray(Image.open(io.BytesIO(files["test/cat/2.png"])))
    assert (made.test_images[1] == second).all()
    assert made.notes == ()


def test_the_data_set_lies_under_its_name_and_hash(tmp_path: Path) -> None:
    made = imported(as_zip(tmp_path, good_files()), tmp_path)
    assert [path.name for path in (tmp_path / "datasets").iterdir()] == [f"pets-{made.hash[:12]}"]
    assert dataset_folder(tmp_path / "datasets", "pets", made.hash).is_dir()


def test_the_progress_ends_with_all_images(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    import_dataset(
        "pets", as_zip(tmp_path, good_files()), tmp_path, lambda done, total: told.append((done, total))
    )
    assert told[-1] == (8, 8)


def test_images_of_other_sizes_are_resized_to_the_most_frequent_one_and_that_is_said(tmp_path: Path) -> None:
    files = good_files() | {
        "train/cat/wide.png": picture(8, 20),
        "train/cat/large.jpg": picture(30, 30, kind="JPEG"),
    }
    made = imported(as_tar(tmp_path, files), tmp_path)
    assert made.pixels == 8
    assert made.notes == ("2 of 10 images, of 3 sizes in all, were resized to 8 x 8 pixels",)


def test_images_are_stored_at_the_side_that_is_given(tmp_path: Path) -> None:
    assert imported(as_zip(tmp_path, good_files()), tmp_path, pixels=5).pixels == 5


def test_only_grey_images_make_one_channel(tmp_path: Path) -> None:
    grey = {name: picture(mode="L") for name in good_files()}
    assert imported(as_tar(tmp_path, grey), tmp_path).channels == 1
    assert imported(as_tar(tmp_path, grey | {"train/cat/1.png": picture()}), tmp_path).channels == 3


def test_other_files_are_left_out_and_counted(tmp_path: Path) -> None:
    files = good_files() | {"README.md": b"about", "train/cat/.hidden.png": b"", "train/cat/notes.txt": b"x"}
    made = imported(as_zip(tmp_path, files), tmp_path)
    assert made.notes == ("3 files that are no images in a class folder were left out",)


def test_a_second_import_of_the_same_images_finds_the_first(tmp_path: Path) -> None:
    source = as_zip(tmp_path, good_files())
    assert imported(source, tmp_path).hash == imported(source, tmp_path).hash


@pytest.mark.parametrize("name", ["/etc/cat.png", "train/../../cat.png", "C:\\train\\cat.png", "..\\cat.png"])
@pytest.mark.parametrize("pack", [as_tar, as_zip])
def test_a_name_that_leads_out_of_the_archive_refuses_it(
    tmp_path: Path, name: str, pack: Callable[[Path, Files], Path]
) -> None:
    refused(pack(tmp_path, good_files() | {name: picture()}), tmp_path, "leads out of it")


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE])
def test_a_link_refuses_the_archive(tmp_path: Path, kind: bytes) -> None:
    link = tarfile.TarInfo("train/cat/link.png")
    link.type, link.linkname = kind, "/etc/passwd"
    refused(as_tar(tmp_path, good_files(), link), tmp_path, "is a link")


@pytest.mark.parametrize("kind", [tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_device_refuses_the_archive(tmp_path: Path, kind: bytes) -> None:
    device = tarfile.TarInfo("train/cat/device.png")
    device.type = kind
    refused(as_tar(tmp_path, good_files(), device), tmp_path, "is a device")


def test_a_link_in_a_zip_refuses_it(tmp_path: Path) -> None:
    path = as_zip(tmp_path, good_files())
    link = zipfile.ZipInfo("train/cat/link.png")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    refused(path, tmp_path, "is a link")


def test_a_link_in_a_folder_refuses_it(tmp_path: Path) -> None:
    folder = as_folder(tmp_path / "folder", good_files())
    (folder / "train/cat/link.png").symlink_to("/etc/passwd")
    refused(folder, tmp_path, "is a link")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "images.tar.xz"
    path.write_bytes(b"no archive at all" * 100)
    refused(path, tmp_path, "is no folder, tar")


def test_an_archive_cut_short_is_refused(tmp_path: Path) -> None:
    path = as_tar(tmp_path, good_files() | {"train/cat/big.png": picture(64, 64)}, compression="gz")
    path.write_bytes(path.read_bytes()[:-2_000])
    refused(path, tmp_path, "is broken after")


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "nothing.zip", tmp_path, "There is no file or folder")


def test_an_archive_without_train_and_test_is_refused(tmp_path: Path) -> None:
    refused(
        as_zip(tmp_path, {"cat/1.png": picture()}), tmp_path, "holds no images under train/<class>/ and test"
    )


def test_an_archive_without_test_images_is_refused(tmp_path: Path) -> None:
    refused(as_zip(tmp_path, {"train/cat/1.png": picture()}), tmp_path, "no images under test/<class>/")


def test_classes_that_differ_are_named(tmp_path: Path) -> None:
    refused(
        as_zip(tmp_path, good_files() | {"train/cow/1.png": picture()}), tmp_path, "'cow' is in train only"
    )


def test_images_of_one_class_are_refused(tmp_path: Path) -> None:
    files = {name: content for name, content in good_files().items() if "/cat/" in name}
    refused(
        as_folder(tmp_path / "in", files), tmp_path, "in holds images of one class, 'cat'; there must be at"
    )


def test_two_leading_folders_are_refused(tmp_path: Path) -> None:
    refused(as_zip(tmp_path, good_files("a/") | good_files("b/")), tmp_path, "at several places .a and b.")


def test_a_file_that_is_no_image_is_named(tmp_path: Path) -> None:
    refused(
        as_zip(tmp_path, good_files() | {"train/cat/9.png": b"text"}), tmp_path, "train/cat/9.png is broken"
    )


@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_an_image_cut_short_is_named(tmp_path: Path, kind: str) -> None:
    half = picture(32, 32, kind=kind)[:-400]
    refused(as_tar(tmp_path, good_files() | {"test/dog/9.png": half}), tmp_path, "test/dog/9.png is broken")


def test_an_image_of_too_many_pixels_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "MAX_IMAGE_PIXELS", 100)
    refused(
        as_tar(tmp_path, good_files() | {"test/dog/9.png": picture(11, 10)}),
        tmp_path,
        "11 x 10 pixels; at most",
    )


def test_an_image_of_more_pixels_than_pil_takes_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    refused(
        as_tar(tmp_path, good_files() | {"test/dog/9.png": picture(50, 50)}),
        tmp_path,
        "test/dog/9.png has over",
    )


def test_a_file_of_too_many_bytes_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_FILE_BYTES", 1_000)
    refused(
        as_zip(tmp_path, good_files() | {"test/dog/9.png": picture(40, 40)}),
        tmp_path,
        "no image may be larger",
    )


def test_the_same_name_twice_is_refused(tmp_path: Path) -> None:
    path = as_tar(tmp_path, good_files())
    with tarfile.open(tmp_path / "twice.tar", "w") as archive:
        for _ in range(2):
            for name, content in good_files().items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    refused(tmp_path / "twice.tar", tmp_path, "twice")
    assert path.exists()


def test_a_name_that_would_leave_the_data_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidSpec):
        import_dataset("../pets", as_zip(tmp_path, good_files()), tmp_path)


def test_the_name_of_the_generated_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataProblem, match="choose another"):
        import_dataset("shapes", as_zip(tmp_path, good_files()), tmp_path)


def test_real_photographs_are_imported_as_pil_decodes_them(tmp_path: Path) -> None:
    if not REAL.exists():
        unavailable("shared-data", f"there is no {REAL}")
    files: Files = {}
    with tarfile.open(REAL, "r|xz") as archive:
        for member in archive:
            if member.isfile() and int(Path(member.name).stem) < 20:
                files[member.name] = archive.extractfile(member).read()
    made = imported(as_tar(tmp_path, files), tmp_path)
    assert (len(made.train_labels), len(made.test_labels), made.pixels) == (200, 200, 32)
    truck = np.asarray(Image.open(io.BytesIO(files["test/truck/0019.jpg"])))
    assert (made.test_images[-1] == truck).all()
