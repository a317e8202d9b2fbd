// What is wrong with how the page looks, as lines of text. Contrast: WCAG 2.2, 1.4.3 and 1.4.11; targets: 2.5.8; scrolling: 1.4.10.
({ smallest }) => {
  const parse = (colour) => {
    const numbers = (colour.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
    const scale = colour.startsWith("color(") ? 255 : 1;
    return [numbers[0] * scale, numbers[1] * scale, numbers[2] * scale, numbers[3] ?? 1];
  };
  const over = (top, below) => [0, 1, 2].map((i) => top[i] * top[3] + below[i] * (1 - top[3])).concat(1);
  const luminance = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * x + 0.7152 * y + 0.0722 * z;
  };
  const contrast = (a, b) => {
    const [light, dark] = [luminance(a), luminance(b)].sort((x, y) => y - x);
    return (light + 0.05) / (dark + 0.05);
  };
  const behind = (element) => {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const style = getComputedStyle(at);
      if (style.backgroundImage !== "none") return null; // a picture or gradient: not for arithmetic
      layers.push(parse(style.backgroundColor));
    }
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255, 1]);
  };
  const seen = (element) => element.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && element.getBoundingClientRect().width > 1 && element.getBoundingClientRect().height > 1;
  const name = (element) => `${element.tagName.toLowerCase()}${element.id ? "#" + element.id : ""}.${String(element.className?.baseVal ?? element.className).split(" ").slice(0, 3).join(".")}`;
  const off = (element) => element.closest("[disabled], [aria-disabled=true], .disabled");
  const wrong = [];

  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const judged = new Set();
  const judge = (element, colour, what) => {
    const style = getComputedStyle(element), ground = behind(element);
    if (!ground) return;
    const size = parseFloat(style.fontSize), bold = Number(style.fontWeight) >= 700;
    const wanted = size >= 24 || (size >= 18.66 && bold) ? 3 : 4.5;
    const reached = contrast(over(parse(colour), ground), ground);
    if (reached < wanted) wrong.push(`contrast ${reached.toFixed(2)} < ${wanted}: ${name(element)} “${what.trim().slice(0, 40)}” ${colour} on ${ground.slice(0, 3).map(Math.round)}`);
  };
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent, element = texts.currentNode.parentElement;
    if (!text.trim() || judged.has(element) || ["SCRIPT", "STYLE", "NOSCRIPT"].includes(element.tagName) || !seen(element) || off(element)) continue;
    judged.add(element);
    judge(element, getComputedStyle(element).color, text);
  }
  for (const field of document.querySelectorAll("input, textarea")) {
    if (!seen(field) || off(field)) continue;
    if (field.value && !["checkbox", "radio", "range"].includes(field.type)) judge(field, getComputedStyle(field).color, field.value);
    else if (field.placeholder) judge(field, getComputedStyle(field, "::placeholder").color, field.placeholder);
  }

  // The border of a field, or of the box around it that looks like the field, must be seen.
  for (const field of document.querySelectorAll("input:not([type=hidden]):not([type=file]):not([type=range]), textarea")) {
    if (!seen(field) || off(field)) continue;
    if (field.checked) continue; // filled with the accent, and judged by looking
    const bordered = [field, field.parentElement, field.parentElement.parentElement, field.parentElement.parentElement.parentElement]
      .filter((it) => parseFloat(getComputedStyle(it).borderTopWidth) > 0 && it.offsetHeight < 200)
      .map((it) => {
        const around = behind(it.parentElement);
        return around ? contrast(over(parse(getComputedStyle(it).borderTopColor), around), around) : 21;
      });
    const reached = Math.max(0, ...bordered);
    if (reached < 3) wrong.push(`border ${reached.toFixed(2)} < 3: ${name(field)} “${field.ariaLabel ?? field.placeholder ?? ""}”`);
  }

  for (const control of document.querySelectorAll("button, a[href], summary, [role=tab], input:not([type=hidden]):not([type=file])")) {
    if (!seen(control) || off(control)) continue;
    const target = ["checkbox", "radio"].includes(control.type) ? control.closest("label") ?? control : control;
    const { width, height } = target.getBoundingClientRect();
    const inText = control.tagName === "A" && control.closest("p, li");
    if (!inText && control.type !== "range" && (width < smallest || height < smallest))
      wrong.push(`target ${Math.round(width)}×${Math.round(height)} < ${smallest}: ${name(control)} “${(control.ariaLabel ?? control.innerText ?? "").trim().slice(0, 40)}”`);
  }

  if (document.documentElement.scrollWidth > window.innerWidth) {
    const wide = [...document.querySelectorAll("body *")].filter((it) => seen(it) && it.getBoundingClientRect().right > window.innerWidth + 1);
    wrong.push(`the page is ${document.documentElement.scrollWidth} wide in a window of ${window.innerWidth}: ${wide.slice(-3).map(name).join(", ")}`);
  }
  for (const image of document.querySelectorAll("img")) if (seen(image) && !image.alt) wrong.push(`no alt text: ${image.src.slice(-80)}`);
  return wrong;
}
