"""The site: pages of this folder, the gallery from examples/, and the API reference from the stubs."""

import os
import re
import sys
import tomllib
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "site"))

import api_pages  # noqa: E402
import gallery  # noqa: E402

about = tomllib.loads((HERE.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
project = about["name"]
author = about["authors"][0]["name"]
copyright = author  # noqa: A001
version = release = about["version"]

extensions = ["myst_parser", "mathml", "sphinx_gallery.gen_gallery"]
html_math_renderer = "mathml"
exclude_patterns = [
    "_build",
    "site",
    "gallery/*.py.md5",
    "**.ipynb",
    "gallery/**/*.py",
    "gallery/*.py",
]
source_suffix = {".md": "markdown", ".rst": "restructuredtext"}
default_role = "literal"
suppress_warnings = ["ref.python"]  # a type in a signature has a short name, which two classes may share

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 4
myst_disable_syntax = ["myst_line_comment"]  # a line of prose that begins with "%" is no comment

html_theme = "furo"
html_title = f"eventsim {version}"
html_static_path = ["site/static"]
html_css_files = ["eventsim.css"]
html_copy_source = False
html_show_sourcelink = False
highlight_language = "none"  # blocks say what they are
pygments_style = "friendly"
pygments_dark_style = "monokai"
python_maximum_signature_line_length = 88
add_module_names = False
toc_object_entries_show_parents = "hide"

sphinx_gallery_conf = {
    "examples_dirs": str(gallery.write(HERE.parent / "build" / "examples")),
    "gallery_dirs": "gallery",
    "filename_pattern": r"\.py$",
    "ignore_pattern": r"__init__|own_scenario",
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "show_memory": False,
    "min_reported_time": 10_000,
    "write_computation_times": False,
    "abort_on_example_error": True,
    "matplotlib_animations": False,
    "reset_modules": ("matplotlib",),
    "first_notebook_cell": None,
    "notebook_images": False,
    "image_scrapers": ("matplotlib",),
    "capture_repr": (),
    "default_thumb_file": str(HERE / "images" / "raster.png"),
}

OUTSIDE = {"contributing": HERE.parent / "CONTRIBUTING.md", "changelog": HERE.parent / "CHANGELOG.md"}
TO_PAGES = {
    "../CONTRIBUTING.md": "contributing.md",
    "../CHANGELOG.md": "changelog.md",
    "../README.md": "index.md",
}


def figures_on_one_line(text):
    """Keep each figure of a paper's table on one line, and let the names of metrics go on in the next."""

    def table(found):
        lines = []
        for line in found[0].splitlines(keepends=True):
            if line.startswith("|"):
                line = re.sub(
                    r"(?<=[\d±]) (?=[\d±%a-z(])|(?<=not) (?=mea)|(?<=measured) (?=yet)", "\u00a0", line
                )
                line = re.sub(r"(?<=[a-z\d])_(?=[a-z\d])", "_<wbr>", line)
            lines.append(line)
        return "".join(lines)

    return re.sub(r"<!-- reproduced: .*?<!-- end of reproduced -->", table, text, flags=re.S)


def links_within_the_site(app, docname, content):
    """Turn links that leave this folder into links to the page that shows the file, or into its name."""

    def turned(found):
        text, target = found[1], found[2]
        path, _, anchor = target.partition("#")
        if path in TO_PAGES:
            return f"[{text}]({TO_PAGES[path]}{'#' + anchor if anchor else ''})"
        if path.startswith("../examples/") and path.endswith(".py") and "own_scenario" not in path:
            return f"[{text}](gallery/{Path(path).stem}.rst)"
        return text if text.startswith("`") else f"{text} (`{path.removeprefix('../')}`)"

    if docname in OUTSIDE:  # the page here only holds its place
        text = OUTSIDE[docname].read_text(encoding="utf-8")
        text = re.sub(r"\]\((?!docs/|https?:|#)([^)]+)\)", r"](../\1)", text)
        content[0] = re.sub(r"\]\(docs/([^)]+)\)", r"](\1)", text)
    content[0] = figures_on_one_line(re.sub(r"\[([^\]]+)\]\((\.\./[^)]+)\)", turned, content[0]))


def setup(app):
    """Write the API reference before pages are read."""
    api_pages.write(HERE / "api")
    app.connect("source-read", links_within_the_site)
    return {"parallel_read_safe": True}
