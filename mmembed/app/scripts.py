"""What runs in the browser: the few things that Gradio cannot be told."""

from __future__ import annotations

import json

SCROLL_TO_CHOSEN = "() => document.getElementById('mm-chosen')?.scrollIntoView({behavior: 'smooth', block: 'nearest'})"
SCROLL_TO_SEVERAL = "() => document.getElementById('mm-several-captions')?.scrollIntoView({behavior: 'smooth', block: 'start'})"

# The button has the file by now, but may not be on the page yet. It stays there, should the browser not download by itself.
DOWNLOAD = """async () => {
  const pause = () => new Promise((done) => setTimeout(done, 100));
  await pause();
  for (let i = 0; i < 50 && !document.getElementById("mm-download"); i++) await pause();
  document.getElementById("mm-download")?.click();
}"""

# The picture at full size, with what is known about it. A <dialog> keeps the focus, and closes at Escape.
OPEN_FULL = """async () => {
  document.getElementById("mm-full")?.remove();
  const find = () => document.querySelector("#mm-full-picture img");
  for (let i = 0; i < 50 && !(find()?.src && find().src !== window.mmFull); i++) await new Promise((done) => setTimeout(done, 100));
  const picture = document.createElement("img"), facts = document.querySelector("#mm-facts dl")?.cloneNode(true);
  const close = document.createElement("button"), dialog = document.createElement("dialog"), form = document.createElement("form");
  window.mmFull = find()?.src;
  picture.src = window.mmFull ?? "";
  picture.alt = document.querySelector("#mm-chosen-picture img")?.alt ?? "";
  close.textContent = "×";
  close.setAttribute("aria-label", facts?.dataset.close ?? "Close");
  form.method = "dialog";
  form.append(close);
  dialog.id = "mm-full";
  dialog.setAttribute("aria-label", picture.alt);
  dialog.append(form, picture, ...(facts ? [facts] : []));
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => { dialog.remove(); window.mmFull = undefined; document.querySelector("#mm-full-go")?.focus(); });
  document.querySelector(".gradio-container").append(dialog);
  dialog.showModal();
}"""

# For screen readers and for every way of writing. Example pictures come without a name: that of their file is better than none. So do
# uploaded ones: what they were uploaded as is. Results in the grid are called by their number and not by what they are. A result's
# label names the copy button inside it, and not the text. What is typed is shown in the direction that it is written in.
_NAMES = """
new MutationObserver(() => {
  const set = (element, name, value) => { if (element.getAttribute(name) !== value) element.setAttribute(name, value); };
  document.querySelectorAll('.gallery-item img:is([alt=""], :not([alt]))').forEach((image) => {
    image.alt = decodeURIComponent(image.src.split("/").pop()).replace(/\\.\\w+$/, "").replace(/[_-]+/g, " ");
  });
  document.querySelectorAll('.block .image-frame img').forEach((image) => {
    const label = image.closest(".block").querySelector('[data-testid="block-label"]');
    if (!image.getAttribute("alt") && label) image.alt = label.innerText.trim();
  });
  document.querySelectorAll("#mm-results .thumbnail-lg, #mm-several .thumbnail-lg").forEach((photo) => {
    const caption = photo.querySelector(".caption-label");
    if (caption?.innerText.trim()) set(photo, "aria-label", caption.innerText.trim());
  });
  document.querySelectorAll(".mm-result").forEach((block) => {
    const label = block.querySelector('[data-testid="block-info"]'), text = block.querySelector("textarea");
    if (label && text) {
      label.id = `${block.id}-label`;
      text.setAttribute("aria-labelledby", label.id);
    }
  });
  document.querySelectorAll('textarea:not([dir="rtl"], [dir="auto"]), input[type="text"]:not([dir="rtl"], [dir="auto"])')
    .forEach((field) => { field.dir = "auto"; });
}).observe(document.documentElement, { childList: true, subtree: true });
"""

# Gradio draws what is in a closed part of the page, or on another tab, when that is first opened, and a frame later sends it its first
# values once more: what was set in between would be lost. So for a few frames nothing can be set.
_SETTLING = """
document.addEventListener("click", (event) => {
  if (!event.target.closest(".label-wrap, [role=tab]")) return;
  const wait = (frames) => requestAnimationFrame(() => frames ? wait(frames - 1) : document.body.classList.remove("mm-settling"));
  document.body.classList.add("mm-settling");
  wait(4);
}, true);
"""

# Screen readers are told the language of the app's words. Gradio's own few are in the browser's, which may be one that the app has not.
_LANGUAGE = """
{
  const known = KNOWN, language = (navigator.language ?? "").split("-")[0].toLowerCase();
  const spoken = known.length === 1 ? known[0] : known.includes(language) ? language : "en";
  const tell = () => { if (document.documentElement.lang !== spoken) document.documentElement.lang = spoken; };
  tell();
  new MutationObserver(tell).observe(document.documentElement, { attributes: true, attributeFilter: ["lang"] });
}
"""


def in_head(languages: tuple[str, ...]) -> str:
    """Scripts for the page's head, for a page that can be shown in these languages."""
    return f"<script>{_LANGUAGE.replace('KNOWN', json.dumps(languages))}{_NAMES}{_SETTLING}</script>"
