"""A camera for Chromium made of a picture: `--use-file-for-fake-video-capture=<file>` plays it again and again.

The file is read when the browser starts, so start the browser after it is written.
"""

from pathlib import Path

from PIL import Image, ImageOps

SIZE = (640, 480)
FLAGS = ("--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream")


def flags(video: Path) -> list[str]:
    """Return what Chromium is started with to see this video through its camera, allowed without asking."""
    return [*FLAGS, f"--use-file-for-fake-video-capture={video}"]


def write_video(path: Path, picture: Image.Image, frames: int = 30) -> Path:
    """Write a picture, fitted into 640 × 480 on white, as a Y4M video (4:2:0, 30 frames a second); return the path."""
    shown = ImageOps.pad(picture.convert("RGB"), SIZE, color="white")
    bright, blue, red = shown.convert("YCbCr").split()
    half = (SIZE[0] // 2, SIZE[1] // 2)
    # Studio range: 16 is black, 235 white.
    planes = [bright.point(lambda value: 16 + value * 219 // 255), *(one.resize(half) for one in (blue, red))]
    frame = b"FRAME\n" + b"".join(plane.tobytes() for plane in planes)
    header = f"YUV4MPEG2 W{SIZE[0]} H{SIZE[1]} F30:1 Ip A1:1 C420mpeg2\n".encode()
    path.write_bytes(header + frame * frames)
    return path


def write_darkness(path: Path, frames: int = 30) -> Path:
    """Write what a covered camera sees."""
    return write_video(path, Image.new("RGB", SIZE, "black"), frames)
