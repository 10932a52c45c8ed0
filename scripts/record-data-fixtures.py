#!/usr/bin/env python3
"""Records test/fixtures/data: generated images in every format that is read, and what Pillow and torchvision make of them.

Only whoever re-records needs this (Debian: python3-torch, python3-torchvision). Nothing here is a photo: all pixels come from formulas.
"""
import json
import pathlib
import shutil

import numpy as np
from PIL import Image
from torchvision.transforms import functional as F
from torchvision.transforms import InterpolationMode, transforms as T

OUT = pathlib.Path(__file__).parent.parent / "test" / "fixtures" / "data"


def pattern(width: int, height: int) -> Image.Image:
    """Waves, edges and all the levels of a channel: enough to tell one rounding from another."""
    y, x = np.mgrid[0:height, 0:width]
    red = 127 + 127 * np.sin(x / 5 + y / 11)
    green = 127 + 127 * np.cos(x * y / 90)
    blue = np.where((x // 7 + y // 5) % 2, (x * 5 + y * 3) % 256, 255 - (x + y) % 256)
    return Image.fromarray(np.stack([red, green, blue], -1).clip(0, 255).astype(np.uint8))


def decoding() -> None:
    folder = OUT / "decode"
    (folder / "expected").mkdir(parents=True)
    image = pattern(46, 31)
    alpha = image.copy()
    alpha.putalpha(Image.fromarray((np.arange(46 * 31).reshape(31, 46) % 256).astype(np.uint8)))
    palette = image.quantize(24)
    turned = Image.Exif()
    turned[0x112] = 6  # orientation: to be turned by 90 degrees, which is not done

    def save(name: str, what: Image.Image, **options) -> None:
        what.save(folder / name, **options)
        Image.open(folder / name).convert("RGB").save(folder / "expected" / f"{name}.png")

    save("rgb.jpg", image, quality=90, subsampling=0)
    save("subsampled.jpeg", image, quality=75, subsampling=2)
    save("progressive.jpg", image, quality=85, progressive=True)
    save("grey.jpg", image.convert("L"))
    save("cmyk.jpg", image.convert("CMYK"), quality=92)
    save("turned.jpg", image, exif=turned)
    save("rgba.png", alpha)
    save("grey-alpha.png", alpha.convert("LA"))
    save("palette.png", palette)
    save("palette-transparent.png", palette, transparency=3)
    save("bilevel.png", image.convert("1"))
    save("rgba.webp", alpha, lossless=True)
    save("rgb.tif", image)
    save("cmyk.tif", image.convert("CMYK"))
    save("rgb.bmp", image)
    save("palette.bmp", palette)
    save("bilevel.bmp", image.convert("1"))
    save("rgb.ppm", image)
    save("grey.pgm", image.convert("L"))
    save("animated.gif", image, save_all=True, append_images=[image.transpose(0), image.transpose(1)])

    # Pillow clips 16-bit grey at 255; the high byte is meant. 16-bit colour cannot be written by Pillow.
    y, x = np.mgrid[0:31, 0:46]
    deep = (x * 1400 + y * 37).astype(np.uint16)
    Image.fromarray(deep).save(folder / "grey16.png")
    Image.fromarray((deep >> 8).astype(np.uint8)).convert("RGB").save(folder / "expected" / "grey16.png.png")


def transforms() -> None:
    folder = OUT / "transforms"
    folder.mkdir(parents=True)
    sources = {"wide": pattern(97, 64), "tall": pattern(33, 70)}
    for name, image in sources.items():
        image.save(folder / f"{name}.png")
    cases = []

    def add(source: str, what: dict, result: Image.Image) -> None:
        file = f"{len(cases):02d}.png"
        result.save(folder / file)
        cases.append({"source": source, "expected": file, **what})

    def resize(size, interpolation="bilinear") -> dict:
        return {"name": "Resize", "size": size, "interpolation": interpolation, "antialias": True}

    for source, image in sources.items():
        for mode in ("bilinear", "bicubic", "nearest"):
            for size in (24, 48, 90, [50, 20], [17, 131]):
                result = T.Resize(size, InterpolationMode(mode))(image)
                add(source, {"transform": resize(size, mode)}, result)
        for size in (32, 33, [25, 50], 80, [71, 20]):
            add(source, {"transform": {"name": "CenterCrop", "size": size}}, T.CenterCrop(size)(image))
        chain = [resize(40), {"name": "CenterCrop", "size": 33}]
        result = T.CenterCrop(33)(T.Resize(40)(image))
        add(source, {"transform": {"name": "Compose", "transforms": chain}}, result)
        result = F.resized_crop(image, 5, 3, 41, 29, [32, 32])
        add(source, {"crop": {"y": 5, "x": 3, "height": 41, "width": 29}, "size": [32, 32]}, result)
    image = sources["wide"]
    for factor in (0, 0.4, 1.0, 1.7):
        add("wide", {"adjust": "brightness", "factor": factor}, F.adjust_brightness(image, factor))
        add("wide", {"adjust": "contrast", "factor": factor}, F.adjust_contrast(image, factor))
        add("wide", {"adjust": "saturation", "factor": factor}, F.adjust_saturation(image, factor))
    for factor in (-0.5, -0.13, 0, 0.2, 0.5):
        add("wide", {"adjust": "hue", "factor": factor}, F.adjust_hue(image, factor))
    (folder / "cases.json").write_text(json.dumps(cases, indent=1) + "\n")

    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    levels = Image.fromarray(np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, -1))
    floats = T.Normalize(mean, std)(T.ToTensor()(levels)).numpy()
    (folder / "normalized.f32").write_bytes(floats.astype("<f4").tobytes())


if __name__ == "__main__":
    if OUT.exists():
        shutil.rmtree(OUT)
    decoding()
    transforms()
