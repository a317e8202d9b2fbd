"""How the app looks: system fonts only, so that no font is fetched from anywhere, and one accent colour."""

from __future__ import annotations

import gradio as gr

from mmembed.app.scripts import in_head

_SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
_MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

CSS = """
.gradio-container { width: 100% !important; max-width: 1180px !important; margin: 0 auto !important; }
.mm-header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .15rem 1rem; padding: .25rem 0 .1rem; }
.mm-header h1 { font-size: 1.5rem; font-weight: 700; letter-spacing: -.02em; margin: 0; }
.mm-header p { margin: 0; color: var(--body-text-color-subdued); }
.mm-status { color: var(--body-text-color-subdued); font-size: .875rem; }
.mm-terms { color: var(--body-text-color-subdued); font-size: .78rem; }
.gradio-container .html-container { padding: 0 !important; }
.gradio-container .block:has(> .html-container > .prose:empty) { display: none; }
.gradio-container .secondary { font-weight: 500; font-size: .95rem; }
.mm-note { border-left: 4px solid var(--border-color-primary); padding: .55rem .9rem; border-radius: 6px;
  background: var(--background-fill-secondary); line-height: 1.45; }
.mm-note b { font-weight: 600; }
.mm-note.mm-good { border-color: #15803d; }
.mm-note.mm-weak { border-color: #b45309; }
.mm-facts { display: grid; grid-template-columns: auto 1fr; gap: .2rem 1rem; margin: 0; font-size: .9rem; }
.mm-facts dt { color: var(--body-text-color-subdued); }
.mm-facts dd { margin: 0; overflow-wrap: anywhere; }
.mm-fit { font-size: .95rem; }
.mm-fit span { display: inline-block; }
.mm-remark { color: var(--body-text-color-subdued); font-size: .82rem; line-height: 1.45; margin: .2rem 0 0; }
.mm-note + .mm-fit, .mm-note + .mm-remark, .mm-note + .mm-note { margin-top: .4rem; }
.mm-titled { border-top: 1px solid var(--border-color-primary); margin-top: .8rem; padding-top: .6rem; }
.mm-titled h2 { font-size: .875rem; font-weight: 500; margin: 0; color: var(--body-text-color-subdued); }
.mm-words { font-size: 1.15rem; line-height: 1.45; margin: .1rem 0 .2rem; }
.mm-how { margin: 0; line-height: 1.5; }
.mm-code { margin: .5rem 0; padding: .55rem .9rem; border-radius: 6px; overflow-x: auto; background: var(--background-fill-secondary);
  font-family: var(--font-mono); font-size: .85rem; }
.mm-models { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 340px), 1fr)); gap: .8rem; align-items: start; }
.mm-model { border: 1px solid var(--border-color-primary); border-radius: 8px; padding: .7rem .9rem; min-width: 0; }
.mm-model p { margin: .25rem 0 0; line-height: 1.45; }
.mm-model-head { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .6rem; }
.mm-model h2 { font-size: 1rem; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.mm-badges { display: flex; flex-wrap: wrap; gap: .3rem; margin: 0; padding: 0; list-style: none; }
.mm-badges li { font-size: .75rem; padding: .05rem .45rem; border-radius: 999px; background: var(--background-fill-secondary);
  border: 1px solid var(--border-color-primary); }
.mm-model:has(details[open]) { grid-column: 1 / -1; }
.mm-state { font-size: .8rem; flex-basis: 100%; color: var(--body-text-color-subdued); }
.mm-state.mm-used, .mm-state.mm-ready { color: var(--link-text-color); font-weight: 600; }
.mm-model details { margin-top: .4rem; }
.mm-model summary { cursor: pointer; font-size: .85rem; color: var(--link-text-color); }
.mm-model .mm-facts { margin-top: .4rem; font-size: .82rem; }
.mm-model a { color: var(--link-text-color); text-decoration: underline; }
.mm-scores { margin: 0; padding-inline-start: 1rem; }
.mm-fit b { font-variant-numeric: tabular-nums; }
.mm-others { margin: .25rem 0 0; padding-inline-start: 1.4rem; line-height: 1.5; }
.mm-others-title { color: var(--body-text-color-subdued); font-size: .875rem; margin: 0; }
#mm-results .grid-container { grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)) !important; }
#mm-results .grid-wrap { min-height: 0 !important; max-height: none !important; overflow: visible !important; }
#mm-results .caption-label { font-size: .78rem; max-width: 96%; }
#mm-results .caption-label { opacity: 1 !important; background: var(--background-fill-primary) !important;
  color: var(--body-text-color) !important; }
#mm-results .thumbnail-lg { position: relative; }
#mm-several .grid-container { grid-template-columns: repeat(auto-fill, minmax(220px, 1fr)) !important; }
#mm-several .grid-wrap { min-height: 0 !important; max-height: none !important; overflow: visible !important; }
#mm-several .thumbnail-lg { aspect-ratio: auto !important; display: flex; flex-direction: column; cursor: default; }
#mm-several .thumbnail-lg img { aspect-ratio: 4 / 3; height: auto; }
#mm-several .caption-label { position: static; max-width: 100%; white-space: pre-line; text-align: start; unicode-bidi: plaintext;
  overflow: visible; font-size: .95rem; line-height: 1.4; border: 0; color: var(--body-text-color) !important;
  background: var(--background-fill-primary) !important; }
#mm-full { max-width: 96vw; max-height: 96vh; padding: .8rem; border: 1px solid var(--border-color-primary); border-radius: 8px;
  background: var(--background-fill-primary); color: var(--body-text-color); overflow: auto; }
#mm-full::backdrop { background: rgb(0 0 0 / .75); }
#mm-full img { max-width: 100%; max-height: 78vh; margin: 0 auto .6rem; display: block; }
#mm-full form { text-align: end; }
#mm-full button { padding: .1rem .7rem .3rem; cursor: pointer; font-size: 1.3rem; }
#mm-go, #mm-index-go, #mm-index-stop { align-self: end; }
textarea[dir="auto"], input[dir="auto"] { text-align: start; }
.gradio-container .label-wrap { padding: .6rem 0; margin: -.6rem 0; }
.gradio-container .icon-button { min-width: 26px; min-height: 26px; justify-content: center; }
.gradio-container button.icon { min-width: 32px; min-height: 32px; }
.gradio-container .reset-button, .gradio-container input[type=number] { min-height: 28px; }
.gradio-container input.border-none { min-height: 26px; }
.gradio-container .wrap:has(> .wrap-inner) { border-color: var(--input-border-color) !important; }
.gradio-container label:has(> input[type=checkbox]) { min-height: 30px; align-items: center; }
.gradio-container footer button { min-height: 28px; padding: 0 .4rem; }
.mm-model summary { padding: .3rem 0; }
.mm-result textarea { font-size: 1.15rem !important; line-height: 1.45 !important; }
"""

# In the head and not in CSS, whose selectors Gradio rewrites so that those inside @media reach only parts of the page.
_HEAD = """<style>
body.mm-settling main { pointer-events: none; }
.dark, .dark .gradio-container { --color-accent: #2dd4bf !important; }
@media (max-width: 640px) {
  .gradio-container .main { padding: .5rem !important; }
  .mm-header p { flex-basis: 100%; }
  footer .divider { display: none !important; }
  .gradio-container #mm-select-several { flex: 1 0 100% !important; }
  .gradio-container #mm-results .grid-container { grid-template-columns: repeat(2, 1fr) !important; }
  .gradio-container button.lg, .gradio-container button.md, .gradio-container [role=tab] { min-height: 44px; }
  .gradio-container button.icon { min-width: 44px; min-height: 40px; }
  .gradio-container #mm-chosen-picture { height: auto !important; }
  .gradio-container #mm-folder { min-width: 100% !important; }
}
</style>"""


def head(languages: tuple[str, ...]) -> str:
    """What stands in the page's head: styles that depend on the screen, and scripts for a page in these languages."""
    return _HEAD + in_head(languages)


def theme() -> gr.themes.Base:
    """Neutral greys, a teal accent that keeps 4.5:1 contrast against white text, borders of 3:1, and the system's fonts."""
    return gr.themes.Base(primary_hue="teal", neutral_hue="slate", radius_size="md", font=[*_SANS], font_mono=[*_MONO]).set(
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        input_placeholder_color="*neutral_600",
        input_placeholder_color_dark="*neutral_300",
        input_border_width="1px",
        input_border_color="*neutral_500",
        input_border_color_dark="*neutral_400",
        input_border_color_focus="*primary_700",
        input_border_color_focus_dark="*primary_400",
        checkbox_border_color="*neutral_500",
        checkbox_border_color_dark="*neutral_300",
        checkbox_border_color_focus="*primary_700",
        checkbox_border_color_focus_dark="*primary_400",
        color_accent="*primary_700",
        link_text_color="*primary_700",
        link_text_color_dark="*primary_400",
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_800",
        button_primary_text_color="white",
        block_label_text_weight="500",
        block_title_text_weight="500",
    )
